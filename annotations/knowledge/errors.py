"""What knowledge refuses to answer, and why."""

from __future__ import annotations


class NotEnoughKnown(Exception):
    """Too little was decided to say anything; the sentence names how much, and what is needed."""


class NothingToCompare(Exception):
    """There are no images on which the named providers can be compared."""
