"""Where files lie in the storage."""

from __future__ import annotations


def stored(sha256: str) -> str:
    """The bytes as handed in, once, by their SHA-256."""
    return f"files/{sha256[:2]}/{sha256[2:4]}/{sha256}.csv"
