"""Which addresses letters may go to: by the domain behind the @."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})+")
_LONGEST: Final = 253


def is_domain(text: str) -> bool:
    """Whether it is a domain that may be allowed: ``example.org``, or ``*.example.org``.

    Small letters of ASCII; a domain with others stands as DNS has it (``xn--mnchen-3ya.de``).
    """
    return len(text) <= _LONGEST and _DOMAIN.fullmatch(text) is not None


def domain_of(address: str) -> str:
    """The domain as DNS has it (RFC 3490), in small letters; empty where it is none."""
    _, _, domain = address.rpartition("@")
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""


def allows(domains: Collection[str], address: str) -> bool:
    """Whether one of the domains is the address's; without any domain every address is allowed.

    ``*.example.org`` allows what lies below it, at any depth, and not ``example.org`` itself.
    """
    if not domains:
        return True
    domain = domain_of(address)
    parents = domain.split(".")[1:]
    below = {f"*.{'.'.join(parents[start:])}" for start in range(len(parents))}
    return bool(domain) and not ({domain} | below).isdisjoint(domains)
