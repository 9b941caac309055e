"""Secrets that say nothing: what a device keeps, and the hash that the database keeps of it."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Final

# Tells a refresh token from anything else that is found lying about.
_PREFIX: Final = "lrt_"
_FORM: Final = re.compile(r"lrt_[A-Za-z0-9_-]{43}\Z")
# Django's table gives the key of a browser's session 40 characters: 240 bits of SHA-256.
_BROWSER_BYTES: Final = 30


def new_refresh_token() -> str:
    """256 random bits, in characters that go into any header, address or file."""
    return _PREFIX + secrets.token_urlsafe(32)


def is_refresh_token(text: str) -> bool:
    """Whether the text has the form of one."""
    return bool(_FORM.match(text))


def refresh_token_hash(token: str) -> str:
    """SHA-256 in hexadecimal; with 256 random bits nothing slower is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def browser_key_hash(session_key: str) -> str:
    """SHA-256 of a browser's session key, cut to 240 bits, in 40 URL-safe characters."""
    digest = hashlib.sha256(session_key.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest[:_BROWSER_BYTES]).decode("ascii")
