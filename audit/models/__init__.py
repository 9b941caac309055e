"""What the pages read; everything is written by SQL."""

from audit.models.entry import Entry

__all__ = ["Entry"]
