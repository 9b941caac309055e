"""The actions of the audit log itself, and of what lies below it."""

from __future__ import annotations

from audit.registry import Action, register, register_guarded


def declare() -> None:
    """Add them to the registry."""
    register_guarded("setting", word="config_change")
    register(
        Action("access.refused", "Somebody asked for what their role does not allow.", kept=True),
        Action("command.ran", "An operator's command changed something."),
        Action("command.failed", "An operator's command failed.", kept=True),
        Action("audit_entry.erased", "Personal data of entries was erased."),
        Action("audit_log.heartbeat", "The sealer lives, and nothing else happened."),
        Action("audit_log.restored", "The log lives on another server now, or in a copy."),
        Action("audit_log.verified", "The log was verified.", kept=True),
        Action("audit_month.retired", "A month was exported and detached."),
        Action("audit_month.recovered", "Entries of a missing month were put in their place."),
        Action("audit_key.added", "A signing key came into force."),
        Action("audit_key.retired", "A signing key signs no more."),
        Action("evidence.exported", "Evidence was handed out.", "export_data"),
    )
