"""What is done: telling of events, sending them, and minding who is told."""

from webhooks.actions.events import emit, emit_each, is_wanted

__all__ = ["emit", "emit_each", "is_wanted"]
