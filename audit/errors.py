"""What the audit log answers with when it cannot do as it was asked."""

from __future__ import annotations


class AuditError(Exception):
    """The text is for the reader and says what to do."""


class UnknownAction(AuditError):
    """No package has declared the action."""


class NotInTransaction(AuditError):
    """An entry would not share the fate of what it tells of."""


class KeyringError(AuditError):
    """The signing keys are missing, unreadable or not private."""


class SealingRefused(AuditError):
    """Sealing on would contradict what somebody else has already seen."""


class EvidenceRefused(AuditError):
    """A bundle cannot be made as asked."""


class RetentionRefused(AuditError):
    """A month cannot be retired now."""
