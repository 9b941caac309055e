"""The one refusal of the embedded server."""

from __future__ import annotations


class EmbeddedServerError(Exception):
    """The private server cannot be used; the sentence says why and what to do."""
