"""Changing the signing keys, each change with its entry in the log.

The file is written inside the transaction, last: when the entry cannot be written the file stays
as it was, and when the entry is there the key is in force.
"""

from __future__ import annotations

from contextlib import closing

from django.db import transaction

from audit import keyring
from audit.errors import KeyringError
from audit.keyring import Keyring
from audit.proofs import checkpoints
from audit.proofs.errors import ProofError
from audit.proofs.notes import VerifierKey
from audit.publishing import targets
from audit.publishing.errors import PublishingFailed
from audit.recording import record
from audit.sealing import store
from audit.sealing.sealer import connect


def head() -> store.Head | None:
    """The newest batch, as the sealer sees it."""
    with closing(connect()) as connection:
        return store.head(connection)


@transaction.atomic
def create(origin: str) -> Keyring:
    """Make the first key; KeyringError when there is a keyring, or a log signed by a lost one."""
    newest = head()
    if newest is not None:
        raise KeyringError(
            f"The log has {newest.size} leaves already, signed by keys that are not here. Restore"
            " their file; without it nobody can tell that the log goes on."
        )
    keyring.checked(origin)
    made = keyring.create(origin)
    _record("audit_key.added", made.keys[0].public, made.origin, size=0)
    return made


@transaction.atomic
def add() -> VerifierKey:
    """Add a key that signs beside the others."""
    size = _size()
    made = keyring.add_key(size)
    _record("audit_key.added", made, made.name, size=size)
    return made


@transaction.atomic
def retire(key_id: str) -> VerifierKey:
    """Let a key sign no more.

    Not before another one has signed: whoever verifies the newest checkpoint must find a key that
    counts for it.
    """
    newest = head()
    ring = keyring.load()
    others = [key.pin() for key in ring.keys if key.public.key_id.hex() != key_id]
    if newest is not None and len(ring.signers()) > 1:
        try:
            checkpoints.open_checkpoint(newest.note, others)
        except ProofError:
            raise KeyringError(
                f"No other key has signed the newest checkpoint, of {newest.size} leaves. Let the"
                " sealer seal once more (python manage.py seal_audit), then try again."
            ) from None
    retired = keyring.retire_key(key_id, newest.size if newest else 0)
    _record("audit_key.retired", retired, retired.name, size=newest.size if newest else 0)
    return retired


@transaction.atomic
def restart(origin: str, reason: str) -> tuple[Keyring, dict[str, int | None]]:
    """Go on under a new name where what others have seen is lost; what each of them had seen.

    The old name's checkpoints stay with their targets and tell of the loss for ever.
    """
    size = _size()
    old = keyring.load()
    lost = _seen(old.origin, above=size)
    made = keyring.restart(origin, size)
    record(
        "audit_log.restored",
        subject=("audit_log", origin),
        details={
            "reason": reason,
            "from": old.origin,
            "to": origin,
            "size": size,
            "lost": [
                {"target": target, "size": seen, "leaves": seen - size}
                for target, seen in lost.items()
                if seen is not None
            ],
            "key": str(made.keys[-1].public),
        },
    )
    return made, lost


def _seen(origin: str, above: int) -> dict[str, int | None]:
    """What targets have beyond our size; None where there is nothing, or nobody to ask."""
    found: dict[str, int | None] = {}
    for target in targets.configured(origin):
        try:
            found[target.name] = target.seen(above=above)
        except PublishingFailed:
            found[target.name] = None
    return found


def _size() -> int:
    newest = head()
    return newest.size if newest is not None else 0


def _record(action: str, key: VerifierKey, origin: str, *, size: int) -> None:
    record(
        action,
        subject=("audit_key", key.key_id.hex()),
        details={"key": str(key), "origin": origin, "size": size},
    )
