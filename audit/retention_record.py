"""How a retired month is named in the log."""

from __future__ import annotations

import hashlib


def ids_digest(ids: str) -> str:
    """The hash of the numbers of a month's entries, as PostgreSQL writes an int8multirange."""
    return hashlib.sha256(ids.encode("ascii")).hexdigest()
