"""API keys: making, changing and withdrawing them, and knowing one again when a program comes.

A key is looked for before it is known whose it is, so ``find`` works as the system, and no longer
than that takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from accounts import api_key_text, networks
from accounts.models import ApiKey, User
from audit.recording import record
from config.api.scopes import SCOPES
from config.api.throttles import network_of
from database.actor import acting_as_system

NOUN: Final = "api_key"

# Refused keys from one address in a minute; beyond that they are refused without being looked up
# by whom, and without an entry. Good keys from the same address are not counted.
MOST_REFUSED: Final = 30

_MINUTE: Final = 60
# A second request at the same moment leaves the note to the first, and does not wait for it.
_NOTE_USE: Final = (
    "UPDATE api_keys SET last_used_at = clock_timestamp() WHERE id = ("
    " SELECT k.id FROM api_keys k WHERE k.id = %s AND (k.last_used_at IS NULL"
    " OR k.last_used_at < clock_timestamp() - make_interval(secs => %s))"
    " FOR NO KEY UPDATE SKIP LOCKED)"
)

# What an entry of the audit log says of a key; its networks may name a person's home.
_TOLD: Final = ("name", "description", "is_active", "rate_limit_per_minute", "expires_at")


class KeyNotAllowed(Exception):
    """The key cannot be made or changed so; ``fields`` says what is wrong with which value."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__(" ".join(text for texts in fields.values() for text in texts))
        self.fields = {name: list(texts) for name, texts in fields.items()}


class NoSuchKey(Exception):
    """There is no such key, or it is somebody else's."""


class KeyIsRevoked(Exception):
    """A key that was withdrawn stays so."""


class KeyRefused(Exception):
    """The key opens nothing; the text is for whoever came with it."""


class AddressRefused(KeyRefused):
    """The key is good, but not from where it was used."""


class TooManyRequests(Exception):
    """The key, or the address, was used too often; ``wait`` says for how many seconds to stop."""

    def __init__(self, message: str, *, wait: int) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its secret, which is shown once and kept nowhere."""

    key: ApiKey
    secret: str

    def __repr__(self) -> str:
        return f"<NewKey {self.key.prefix}>"


class Changes(TypedDict, total=False):
    """What can be changed of a key; its scopes cannot: make another key."""

    name: str
    description: str
    is_active: bool
    networks: Sequence[str]
    rate_limit_per_minute: int | None
    expires_at: datetime | None


@transaction.atomic
def create(
    user: User,
    *,
    name: str,
    scopes: Iterable[str],
    networks: Sequence[str] = (),
    rate_limit_per_minute: int | None = 600,
    expires_at: datetime | None = None,
    description: str = "",
    by: User,
) -> NewKey:
    """Make a key for the person; only they themselves and admins may.

    KeyNotAllowed for values that make no key, and for a person who is deactivated.
    """
    if not (by.is_superuser or by.pk == user.pk):
        raise KeyNotAllowed({"user": ["Only an admin may make a key for somebody else."]})
    if not user.is_active:
        raise KeyNotAllowed({"user": ["This person is deactivated. Reactivate them first."]})
    text = api_key_text.make()
    key = ApiKey(
        user=user,
        prefix=text.prefix,
        key_hash=text.digest,
        scopes=sorted(set(scopes)),
    )
    _apply(
        key,
        {
            "name": name,
            "description": description,
            "networks": networks,
            "rate_limit_per_minute": rate_limit_per_minute,
            "expires_at": expires_at,
        },
        wrong={"scopes": list(_wrong_scopes(key.scopes))},
    )
    key.save(force_insert=True)
    record(
        "api_key.created",
        by=by,
        subject=(NOUN, str(key.pk)),
        after={"user_id": str(user.pk), "scopes": key.scopes, **_told(key)},
    )
    return NewKey(key=key, secret=text.whole)


@transaction.atomic
def change(key_id: UUID, *, by: User, **changes: Unpack[Changes]) -> ApiKey:
    """Change what is named; KeyIsRevoked, NoSuchKey or KeyNotAllowed where that cannot be."""
    key = locked(key_id, by=by)
    if key.revoked_at is not None:
        raise KeyIsRevoked(f"The key {key.name} was withdrawn and stays so. Make a new one.")
    before, networks_before = _told(key), key.ip_whitelist
    _apply(key, changes)
    after = _told(key)
    changed = [column for column in _TOLD if before[column] != after[column]]
    also = ["ip_whitelist"] if key.ip_whitelist != networks_before else []
    if not changed and not also:
        return key
    key.save(update_fields=[*changed, *also])
    record(
        "api_key.changed",
        by=by,
        subject=(NOUN, str(key.pk)),
        before={column: before[column] for column in changed},
        after={column: after[column] for column in changed},
        details={"also": also} if also else None,
    )
    key.refresh_from_db(fields=["updated_at"])
    return key


@transaction.atomic
def revoke(key_id: UUID, *, by: User) -> ApiKey:
    """Withdraw the key for ever, at once; a key that was withdrawn before stays as it is."""
    key = locked(key_id, by=by)
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.is_active = False
        key.save(update_fields=["revoked_at", "is_active"])
        record("api_key.revoked", by=by, subject=(NOUN, str(key.pk)))
        key.refresh_from_db(fields=["updated_at"])
    return key


def locked(key_id: UUID, *, by: User) -> ApiKey:
    """The key, locked until the transaction ends, if it is theirs or they are an admin."""
    found = ApiKey.objects.select_for_update().filter(pk=key_id)
    if not by.is_superuser:
        found = found.filter(user=by)
    key = found.first()
    if key is None:
        raise NoSuchKey(f"There is no key {key_id} of yours.")
    return key


def _told(key: ApiKey) -> dict[str, Any]:
    values = {column: getattr(key, column) for column in _TOLD}
    if key.expires_at is not None:
        values["expires_at"] = key.expires_at.isoformat()
    return values


def _apply(key: ApiKey, changes: Changes, *, wrong: Mapping[str, list[str]] | None = None) -> None:
    """Set the values, or say of each that is wrong why."""
    faults = {name: texts for name, texts in (wrong or {}).items() if texts}
    if "networks" in changes:
        try:
            key.ip_whitelist = networks.normal(changes["networks"])
        except networks.NotANetwork as error:
            faults["networks"] = [str(error)]
    for column in _TOLD:
        if column in changes:
            value = changes[column]
            setattr(key, column, value.strip() if isinstance(value, str) else value)
    expires_at = changes.get("expires_at")
    if expires_at is not None and expires_at <= timezone.now():
        faults["expires_at"] = ["This moment has passed. Name one to come, or none."]
    checked = [column for column in _TOLD if column in changes]
    unchecked = {field.name for field in ApiKey._meta.fields} - set(checked)
    try:
        key.clean_fields(exclude=unchecked)
    except ValidationError as error:
        faults |= error.message_dict
    if faults:
        raise KeyNotAllowed(faults)


def _wrong_scopes(scopes: Sequence[str]) -> Iterable[str]:
    if not scopes:
        yield "Name at least one scope: a key without any reaches nothing."
    for scope in scopes:
        if scope not in SCOPES:
            yield f"There is no scope {scope!r:.60}. There are: {', '.join(sorted(SCOPES))}."


# --- A program comes with a key ------------------------------------------------------------------


def find(secret: str, *, address: str) -> ApiKey:
    """The key, with its person, if it may be used now from this address.

    KeyRefused, AddressRefused or TooManyRequests otherwise. The key is found by its hash, so how
    long that takes says nothing about keys that come near. ``address`` is empty when unknown.
    """
    key = _looked_up(secret)
    try:
        _refuse_unless_usable(key, secret, address)
    except KeyRefused as error:
        _note_refusal(key, secret, address, error)
        raise
    assert key is not None
    _count(key)
    _note_use(key)
    return key


def scopes_of(key: ApiKey) -> frozenset[str]:
    """The scopes that the key has and that there are; a row's other names give nothing."""
    return frozenset(scope for scope in key.scopes if scope in SCOPES)


def _looked_up(secret: str) -> ApiKey | None:
    if not api_key_text.is_sendable(secret) or api_key_text.is_mistyped(secret):
        return None
    with acting_as_system():
        try:
            return (
                ApiKey.objects.select_related("user")
                .filter(key_hash=api_key_text.digest(secret))
                .first()
            )
        except (RecursionError, ValueError):  # JSON that PostgreSQL keeps and Python cannot read
            return None


def _refuse_unless_usable(key: ApiKey | None, secret: str, address: str) -> None:
    if key is None:
        if api_key_text.is_mistyped(secret):
            raise KeyRefused("This API key is mistyped, or a part of it is missing.")
        raise KeyRefused("This API key is not known. Check which one was meant, or make a new one.")
    if key.revoked_at is not None:
        raise KeyRefused("This API key was withdrawn. Make a new one.")
    if not key.is_active:
        raise KeyRefused("This API key is switched off. Its owner or an admin can switch it on.")
    if key.expires_at is not None and key.expires_at <= timezone.now():
        raise KeyRefused(f"This API key expired on {key.expires_at:%d %b %Y, %H:%M} UTC.")
    if not key.user.is_active:
        raise KeyRefused("The person whose API key this is has been deactivated.")
    if not _is_list_of_names(key.scopes):
        raise KeyRefused("The scopes of this API key cannot be read. Make a new one.")
    try:
        admitted = networks.admits(key.ip_whitelist, address)
    except networks.NotANetwork:
        raise AddressRefused(
            "The networks of this API key cannot be read, so it is refused. Set them anew."
        ) from None
    if not admitted:
        raise AddressRefused(f"This API key may not be used from {address or 'here'}.")


def _is_list_of_names(scopes: object) -> bool:
    return isinstance(scopes, list) and all(isinstance(scope, str) for scope in scopes)


def _count(key: ApiKey) -> None:
    if key.rate_limit_per_minute is None:
        return
    wait = _counted("api_key", str(key.pk), key.rate_limit_per_minute)
    if wait:
        raise TooManyRequests(
            f"This API key may be used {key.rate_limit_per_minute} times a minute.", wait=wait
        )


def _counted(scope: str, subject: str, most: int) -> int:
    """Count one request; the seconds to wait, or 0."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count_request(%s, %s, %s, %s)", [scope, subject, most, _MINUTE])
        wait: int = cursor.fetchone()[0]
    return wait


def _note_use(key: ApiKey) -> None:
    last = key.last_used_at
    if last is not None and (timezone.now() - last).total_seconds() < _MINUTE:
        return
    with acting_as_system(), connection.cursor() as cursor:
        cursor.execute(_NOTE_USE, [key.pk, _MINUTE])


def _note_refusal(key: ApiKey | None, secret: str, address: str, error: KeyRefused) -> None:
    """An entry that outlives the request; never with the key, which may be one with a slip."""
    wait = _counted("api_key_refused", network_of(address), MOST_REFUSED)
    if wait:
        raise TooManyRequests(
            "Too many API keys from this address were refused. Wait before the next.", wait=wait
        ) from error
    prefix = key.prefix if key is not None else _known_prefix(secret)
    record(
        "api_key.refused",
        subject=None if key is None else (NOUN, str(key.pk)),
        outcome="failure",
        error=str(error).replace(address, "this address") if address else str(error),
        details={"prefix": prefix} if prefix else None,
    )


def _known_prefix(secret: str) -> str:
    """The prefix, if a key has it: else it may be part of a secret of another kind."""
    prefix = api_key_text.prefix_of(secret)
    if not prefix:
        return ""
    with acting_as_system():
        return prefix if ApiKey.objects.filter(prefix=prefix).exists() else ""
