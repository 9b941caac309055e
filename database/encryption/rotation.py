"""Making, adding and retiring the master keys of the local keyring."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import OperationalError, connection, transaction

from database.actor import acting_as_system
from database.encryption import providers
from database.encryption.errors import KeyringError
from database.encryption.local import LocalKeyring, MasterKey
from database.encryption.registry import columns, missing_tables, usage

# A process that has encrypted with the key before a newer one came may still be about to save. It
# reads the keyring at every use, so minutes are plenty; other hosts need time to get the file.
SETTLING: Final = timedelta(minutes=10)
_LOCK_WAIT: Final = "10s"


def keyring() -> LocalKeyring:
    """The local keyring; KeyringError where the keys are somebody else's."""
    if settings.SECRETS_PROVIDER != "local" and not settings.SECRETS_KEYRING.exists():
        raise KeyringError(
            f"The master keys are held by {settings.SECRETS_PROVIDER} (SECRETS_PROVIDER). Make,"
            " rotate and disable them there, then run: python manage.py rewrap_secrets"
        )
    return providers.local(settings.SECRETS_KEYRING)


def wrapped() -> dict[str, Counter[str]]:
    """See ``registry.usage``; every row counts, whoever's it is."""
    missing = missing_tables()
    if missing:
        raise KeyringError(
            f"The tables {', '.join(missing)} do not exist yet. Run: python manage.py migrate"
        )
    with acting_as_system(), transaction.atomic():
        return usage()


def create() -> MasterKey:
    """Make the keyring with its first key; not where secrets exist whose keys are lost."""
    ring = keyring()
    lost = {name: sum(found.values()) for name, found in wrapped().items()}
    lost = {name: count for name, count in lost.items() if LocalKeyring.knows(name)}
    if lost and not settings.SECRETS_KEYRING.exists():
        raise KeyringError(
            f"{sum(lost.values())} secrets are encrypted under keys that are not here"
            f" ({', '.join(sorted(lost))}). Restore the keyring {settings.SECRETS_KEYRING} from its"
            " backup. If it is lost for ever, so are they: set their columns to NULL or delete"
            " their rows, then try again."
        )
    return ring.create()


def add() -> MasterKey:
    """Add a key that wraps from now on."""
    return keyring().add()


def retire(key_id: str) -> None:
    """Remove a key for ever, once it wraps nothing any more.

    Writers are kept out meanwhile: nobody commits a secret under the key while it is counted.
    """
    ring = keyring()
    _check_age(ring, key_id)
    try:
        with acting_as_system(), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_LOCK_WAIT])
                for table in sorted({column.table for column in columns()}):
                    cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
            used = usage().get(key_id)
            if used:
                places = ", ".join(f"{count} in {place}" for place, count in sorted(used.items()))
                raise KeyringError(
                    f"{key_id} still wraps secrets: {places}. Run first: python manage.py"
                    " rewrap_secrets"
                )
            ring.remove(key_id)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "55P03":
            raise
        raise KeyringError(
            "Somebody is writing secrets in a transaction that does not end. Try again later."
        ) from None


def _check_age(ring: LocalKeyring, key_id: str) -> None:
    """KeyringError unless the key is there and has long been followed by another."""
    keys = ring.keys()
    names = [key.key_id for key in keys]
    if key_id not in names:
        raise KeyringError(f"The keyring has no key {key_id!r}. It has: {', '.join(names)}")
    if key_id == names[-1]:
        raise KeyringError(f"{key_id} is the key that wraps now. Add another first.")
    followed_at = keys[names.index(key_id) + 1].created_at
    if datetime.now(UTC) - followed_at < SETTLING:
        until = (followed_at + SETTLING).strftime("%H:%M:%S")
        raise KeyringError(
            f"{key_id} wrapped until a moment ago; somebody may still be saving a secret under it."
            f" Try again after {until} UTC."
        )
