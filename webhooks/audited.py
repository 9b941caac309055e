"""What the audit log records of webhooks."""

from __future__ import annotations

from audit.registry import Action, register, register_guarded


def declare() -> None:
    """Add the actions to the registry."""
    register_guarded("webhook", word="config_change")
    register(
        Action("webhook.added", "An address to be told of events was entered.", "config_change"),
        Action("webhook.changed", "An address to be told of events was changed.", "config_change"),
        Action("webhook.secret_changed", "The secret of a webhook was changed.", "config_change"),
        Action("webhook.removed", "An address to be told of events was removed.", "config_change"),
        Action("webhook.switched_off", "A webhook that failed for days was switched off."),
        Action("webhook.replayed", "Deliveries of a webhook that had failed were queued again."),
    )
