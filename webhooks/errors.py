"""The refusals this package can answer with: sentences fit for whoever asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class WebhookError(Exception):
    """Something was refused; the text says what, and what to do."""


class NotAllowed(WebhookError):
    """Webhooks are the admins' alone."""


class NotPossible(WebhookError):
    """Values that cannot be taken: sentences by field."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__(" ".join(sentence for told in fields.values() for sentence in told))
        self.fields = {name: list(sentences) for name, sentences in fields.items()}


class UnknownEvent(WebhookError):
    """No package declares an event of this name."""


class NotInTransaction(WebhookError):
    """An event was told of outside the transaction in which it happens."""


class NotDelivered(WebhookError):
    """The endpoint did not take the message; it is tried again."""
