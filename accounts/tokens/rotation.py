"""Changes of the keyring, each with its entry in the audit log."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from accounts.tokens import keyring
from accounts.tokens.keyring import Key
from audit.recording import record


@transaction.atomic
def create() -> Key:
    """Make the keyring, with one key; KeyringError when there is one already."""
    return _recorded("created", keyring.create())


@transaction.atomic
def add(*, after: timedelta) -> Key:
    """Add a key that signs when ``after`` has passed."""
    return _recorded("added", keyring.add(after=after))


@transaction.atomic
def retire(kid: str) -> Key:
    """Let a key sign no more; what it signed is valid until it expires."""
    return _recorded("retired", keyring.retire(kid))


@transaction.atomic
def remove(kid: str) -> Key:
    """Take a key away: what it signed is refused from now on."""
    return _recorded("removed", keyring.remove(kid))


def _recorded(verb: str, key: Key) -> Key:
    record(
        f"token_key.{verb}",
        subject=("token_key", key.kid),
        details={"signs_from": key.signs_from.isoformat()},
    )
    return key
