"""The secret in a link that a mail carries: 256 random bits, of which only the hash is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

_BYTES: Final = 32
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def make() -> str:
    """A new one, in the letters of base64url (RFC 4648, section 5)."""
    return secrets.token_urlsafe(_BYTES)


def digest(token: str) -> str:
    """What the database keeps: SHA-256 in hexadecimal, enough for what nobody can guess."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def is_token(text: str) -> bool:
    """Whether the text could be one at all."""
    return bool(_FORM.match(text))


class DeadLink(Exception):
    """The link opens nothing. One sentence for every reason: which it was is not told."""

    def __init__(self) -> None:
        super().__init__(
            "This link does not work. It was used already, has expired or was withdrawn, or it was"
            " not copied whole."
        )
