"""Networks from which an API key may be used, written as CIDR: ``192.0.2.0/24``, ``2001:db8::/32``.

An IPv4 address that arrives as IPv6 (``::ffff:192.0.2.1``, RFC 4291, 2.5.5.2) is the IPv4 address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_NETWORKS: Final = 100

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")


class NotANetwork(ValueError):
    """The text is no network; it says which, and what to write instead."""


def parse(text: object) -> Network:
    """The network, or NotANetwork; a single address is a network of one."""
    if not isinstance(text, str) or "%" in text:
        raise NotANetwork(f"{_shown(text)} is no network. Write it as 192.0.2.0/24.")
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError:
        raise NotANetwork(_correction(text)) from None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return ipaddress.IPv4Network(f"{mapped}/{network.prefixlen - _MAPPED.prefixlen}")
    return network


def normal(texts: Iterable[object]) -> list[str]:
    """The networks as they are kept: each once, in the order given. NotANetwork if one is none."""
    kept = list(dict.fromkeys(str(parse(text)) for text in texts))
    if len(kept) > MOST_NETWORKS:
        raise NotANetwork(f"These are {len(kept)} networks; {MOST_NETWORKS} are allowed.")
    return kept


def admits(networks: object, address: str) -> bool:
    """Whether the address lies in one of the networks; an empty list admits everybody.

    NotANetwork when ``networks`` is not a list of networks: then nobody is to be let in.
    """
    if not isinstance(networks, list):
        raise NotANetwork("The networks are not a list.")
    allowed = [parse(text) for text in networks]
    if not allowed:
        return True
    try:
        asking = plain(address)
    except ValueError:
        return False  # an address that is not known lies nowhere
    return any(asking.version == network.version and asking in network for network in allowed)


def plain(address: str) -> Address:
    """The address, as IPv4 where it is an IPv4 address within IPv6; ValueError if it is none."""
    read = ipaddress.ip_address(address)
    if isinstance(read, ipaddress.IPv6Address) and read.ipv4_mapped is not None:
        return read.ipv4_mapped
    return read


def _correction(text: str) -> str:
    try:
        wider = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return f"{_shown(text)} is no network. Write it as 192.0.2.0/24."
    alone = text.strip().partition("/")[0]
    return (
        f"{_shown(text)} names an address within {wider}."
        f" Write {wider} for the network, or {alone} for the address alone."
    )


def _shown(text: object) -> str:
    return repr(text)[:60]
