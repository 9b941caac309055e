"""Entering, testing, switching and removing the keys that providers are asked with.

A key is tested by a request that is not billed, before anything is stored and outside any
transaction. What the provider refuses is not stored; what cannot be tested now is stored only when
that is asked for. The audit log says who entered a key where, and nothing of the key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from audit.recording import record
from database.encryption.errors import EncryptionError
from providers import registry
from providers.actions.access import Key, NoKey, find_provider
from providers.errors import KeyNotTaken, KeyNotTested, KeyStopped, NoSuchKey, NotAllowed
from providers.interface import Access, KeyRefused, ProviderError
from providers.models import KeyStatus, Provider, UserProvider

NOUN: Final = "user_provider"
PROVIDER: Final = "provider"
# A person waits for the test.
TEST_SECONDS: Final = 20.0

_KEY: Final = re.compile(r"[\x21-\x7e]{8,512}\Z")


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test of a key found; ``said`` is a line for people, never with the key."""

    status: KeyStatus
    said: str
    at: datetime | None = None


# --- A person's own -------------------------------------------------------------------------------


@sensitive_variables("key", "text")
def enter_own(
    user: User, provider_name: str, key: str, *, by: User, even_untested: bool = False
) -> UserProvider:
    """Store a person's own key, in place of the one before; only they themselves may.

    KeyNotTaken when it is no key, the provider refuses it, or an admin stopped this very one;
    KeyNotTested when it could not be
    tested and ``even_untested`` was not said. Not to be called inside a transaction.
    """
    if by.pk != user.pk:
        raise NotAllowed("A key is entered by whoever it belongs to, by nobody else.")
    provider = _with_keys(provider_name)
    text = _read(key)
    tested = _tested(provider, text, even_untested=even_untested)
    with transaction.atomic(durable=True):
        row = (
            UserProvider.objects.select_for_update().filter(user=user, provider=provider).first()
        ) or UserProvider(user=user, provider=provider)
        _check_another(row, text)
        row.api_key = text
        row.key_hint = text[-4:]
        row.is_active = True
        row.status, row.tested_at, row.error_message = tested.status, tested.at, ""
        row.stopped_at, row.stopped_by, row.stopped_reason = None, None, ""
        row.save()
        record(
            "user_provider.entered",
            by=by,
            subject=(NOUN, str(row.pk)),
            after={"provider": provider.name, "status": str(tested.status)},
        )
    row.refresh_from_db()
    return row


@transaction.atomic
def switch_own(key_id: UUID, *, on: bool, by: User) -> UserProvider:
    """Use the key, or leave it and use the team's; its owner may, KeyStopped once an admin did."""
    row = _locked(key_id, by=by)
    if on and row.stopped_at is not None:
        raise KeyStopped(
            f"An admin switched off or removed this key: {row.stopped_reason} Ask them, or enter"
            " another key."
        )
    if row.is_active != on:
        row.is_active = on
        row.save(update_fields=["is_active"])
        record(
            "user_provider.changed",
            by=by,
            subject=(NOUN, str(row.pk)),
            before={"is_active": not on},
            after={"is_active": on},
        )
        row.refresh_from_db(fields=["updated_at"])
    return row


@transaction.atomic
def remove_own(key_id: UUID, *, by: User) -> None:
    """Delete the key; its owner may. Of one that an admin removed, what is left: they noted it."""
    row = _locked(key_id, by=by)
    record(
        "user_provider.removed" if row.api_key is not None else "user_provider.noted",
        by=by,
        subject=(NOUN, str(row.pk)),
        before={"provider": row.provider.name, "user_id": str(row.user_id)},
    )
    row.delete()


def test_own(key_id: UUID, *, by: User) -> Tested:
    """Ask the provider whether the stored key works, and note it. Not inside a transaction."""
    row = _found(key_id, by=by)
    if row.api_key is None:
        raise NoSuchKey("There is no key to test: enter one.")
    return _test_stored(Key(row.provider, row.api_key, row))


# --- The team's -----------------------------------------------------------------------------------


@sensitive_variables("key", "text")
def enter_team(provider_name: str, key: str, *, by: User, even_untested: bool = False) -> Provider:
    """Store the team's key at a provider, in place of the one before; admins alone may.

    Refusals as those of ``enter_own``. Not to be called inside a transaction.
    """
    _must_be_admin(by)
    provider = _with_keys(provider_name)
    text = _read(key)
    tested = _tested(provider, text, even_untested=even_untested)
    with transaction.atomic(durable=True):
        row = Provider.objects.select_for_update().get(pk=provider.pk)
        row.api_key = text
        row.key_hint = text[-4:]
        row.key_tested_at, row.key_error = tested.at, ""
        row.save(update_fields=["api_key", "key_hint", "key_tested_at", "key_error"])
        record(
            "provider.key_entered",
            by=by,
            subject=(PROVIDER, str(row.pk)),
            after={"provider": row.name, "status": str(tested.status)},
        )
    row.refresh_from_db()
    return row


@transaction.atomic
def remove_team(provider_name: str, *, by: User) -> Provider:
    """Delete the team's key; admins alone may."""
    _must_be_admin(by)
    row = Provider.objects.select_for_update().get(pk=find_provider(provider_name).pk)
    if row.api_key is not None:
        row.api_key = None
        row.key_hint, row.key_tested_at, row.key_error = "", None, ""
        row.save(update_fields=["api_key", "key_hint", "key_tested_at", "key_error"])
        record(
            "provider.key_removed",
            by=by,
            subject=(PROVIDER, str(row.pk)),
            before={"provider": row.name},
        )
        row.refresh_from_db(fields=["updated_at"])
    return row


def test_team(provider_name: str, *, by: User) -> Tested:
    """Ask the provider whether the team's key works, and note it. Not inside a transaction."""
    _must_be_admin(by)
    provider = _with_keys(provider_name)
    if provider.api_key is None:
        raise NoSuchKey(f"There is no key of the team's at {provider}: enter one.")
    return _test_stored(Key(provider, provider.api_key, None))


# --- How ------------------------------------------------------------------------------------------


def _must_be_admin(by: User) -> None:
    if not by.is_superuser:
        raise NotAllowed("Only an admin may do this with the team's key.")


def _with_keys(name: str) -> Provider:
    provider = find_provider(name)
    if not provider.needs_key:
        raise KeyNotTaken(f"{provider} needs no key.")
    return provider


def _read(key: str) -> str:
    text = key.strip()
    if not _KEY.match(text):
        raise KeyNotTaken(
            "This is no key: keys have 8 to 512 letters, digits and signs, and no spaces. Copy it"
            " again from the provider's page."
        )
    return text


def _found(key_id: UUID, *, by: User) -> UserProvider:
    found = UserProvider.objects.select_related("provider")
    row = found.filter(pk=key_id, user=by).first()
    if row is None:
        raise NoSuchKey(f"There is no key {key_id} of yours.")
    return row


def _locked(key_id: UUID, *, by: User) -> UserProvider:
    _found(key_id, by=by)
    row = (
        UserProvider.objects.select_for_update(of=("self",))
        .select_related("provider")
        .filter(pk=key_id)
        .first()
    )
    if row is None:
        raise NoSuchKey(f"There is no key {key_id} of yours.")
    return row


@sensitive_variables("text")
def _check_another(row: UserProvider, text: str) -> None:
    """What an admin stopped is not entered once more; KeyNotTaken."""
    if row.stopped_at is None or row.api_key is None:
        return
    try:
        is_same = row.api_key.reveal() == text
    except EncryptionError:  # nobody can compare with it, and nobody can use it
        return
    if is_same:
        raise KeyNotTaken(
            "The key was not stored. An admin switched off this very key; enter another one."
        )


@sensitive_variables("text", "access")
def _tested(provider: Provider, text: str, *, even_untested: bool) -> Tested:
    """What the provider says to a key that is not stored yet."""
    access = Access(key=text, base_url=provider.base_url, timeout=TEST_SECONDS)
    try:
        said = registry.adapter(provider.name).check(access)
    except KeyRefused as error:
        raise KeyNotTaken(f"The key was not stored. {error}") from None
    except (ProviderError, registry.NotInstalled) as error:
        if not even_untested:
            raise KeyNotTested(
                f"The key was not stored, for it cannot be tested now. {error} Try again later, or"
                " store it untested."
            ) from None
        return Tested(KeyStatus.UNTESTED, str(error))
    return Tested(KeyStatus.WORKS, said, timezone.now())


def _test_stored(key: Key) -> Tested:
    """What the provider says to a stored key; noted at the key."""
    try:
        said = key.used(registry.adapter(key.provider.name).check, timeout=TEST_SECONDS)
    except NoKey as error:
        return Tested(KeyStatus.UNREADABLE, str(error), timezone.now())
    except KeyRefused as error:
        key.note_refused(error)
        return Tested(KeyStatus.REFUSED, str(error), timezone.now())
    except (ProviderError, registry.NotInstalled) as error:
        return Tested(KeyStatus.UNTESTED, f"The key could not be tested now. {error}")
    key.note_works(always=True)
    return Tested(KeyStatus.WORKS, said, timezone.now())
