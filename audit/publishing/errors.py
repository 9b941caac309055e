"""What can come in the way of a publication."""

from __future__ import annotations

from audit.errors import AuditError, SealingRefused


class WrongTarget(AuditError):
    """AUDIT_PUBLISH names something that is no target."""


class PublishingFailed(AuditError):
    """The target did not take the checkpoint this time; it is tried again."""


class Contradicted(SealingRefused):
    """The target ``target`` has seen more of the log than we have, or something else."""

    def __init__(self, target: str, sentence: str) -> None:
        super().__init__(sentence)
        self.target = target


def ahead(target: str, theirs: int, ours: int) -> Contradicted:
    """The refusal when a target has seen more leaves than the log has now."""
    return Contradicted(
        target,
        f"{target} has seen {theirs} leaves of the log, but only {ours} are left here: the log was"
        " cut short or restored from an older backup. Nothing is sealed on top of it. Bring the"
        " newer database back, or tell that its entries are lost:"
        " python manage.py audit_keys restart --origin NEW-NAME --reason WHY",
    )


def forked(target: str, size: int) -> Contradicted:
    """The refusal when a target knows another history of the same log."""
    return Contradicted(
        target,
        f"{target} has seen another history of the log than the one here, which has {size} leaves:"
        " the log was rewritten, or two installations seal under one name. Nothing is sealed on top"
        " of it. Run: python manage.py verify_audit --full",
    )
