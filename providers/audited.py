"""What the audit log records of providers."""

from __future__ import annotations

from audit.registry import Action, register, register_guarded


def declare() -> None:
    """Add the actions to the registry."""
    register_guarded("provider", word="config_change")
    register_guarded("user_provider", word="permission_change")
    register_guarded("provider_price", word="config_change")
    register_guarded("user_quota", word="config_change")
    register(
        Action("provider.changed", "A provider was switched on or off, or changed."),
        Action("provider.key_entered", "The team's key at a provider was entered."),
        Action("provider.key_removed", "The team's key at a provider was removed."),
        Action("user_provider.entered", "A person entered their own key at a provider."),
        Action("user_provider.changed", "A person's own key was switched on or off."),
        Action("user_provider.removed", "A person's own key at a provider was removed."),
        Action("user_provider.noted", "A person noted that an admin had removed their key."),
        Action("user_provider.stopped", "An admin switched off a person's own key."),
        Action("user_provider.started", "An admin let a person use their own key again."),
        Action("user_provider.taken_away", "An admin removed a person's own key."),
        Action("user_quota.changed", "A person's limits were changed.", "config_change"),
        Action("provider_price.added", "A price came into force.", "config_change"),
        Action("cost_alert.sent", "Somebody was told how much of a limit is spent."),
    )
