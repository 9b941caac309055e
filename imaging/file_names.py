"""What people call their images, as wide as the column is."""

from __future__ import annotations

from config import file_names

LONGEST = 512  # the column's width


def displayed(name: str) -> str:
    """The name as it is stored and shown; see ``config.file_names``."""
    return file_names.displayed(name, longest=LONGEST)
