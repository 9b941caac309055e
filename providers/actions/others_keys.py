"""Other people's keys: admins look after them, and never see any part of one.

They see whose a key is and how it stands, stop it or remove it with a reason, and let it be used
again. Its owner is told by their own page and by a letter; the audit log says who did what and why.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.utils import timezone

from accounts import mail
from accounts.models import User
from audit.recording import record
from providers.actions.keys import NOUN
from providers.errors import KeyStopped, NoSuchKey, NotAllowed, ReasonMissing
from providers.models import LONGEST_REASON, KeyStatus, UserProvider

_SECRET: Final = ("api_key", "key_hint", "provider__api_key", "provider__key_hint")
_LETTERS: Final = {"stopped": "switched off", "taken_away": "removed"}


def listed() -> QuerySet[UserProvider]:
    """The rows without anything of a key; ``has_key`` says whether there is one."""
    has_key = ExpressionWrapper(Q(api_key__isnull=False), output_field=BooleanField())
    rows = UserProvider.objects.select_related("user", "provider").defer(*_SECRET)
    return rows.annotate(has_key=has_key)


@transaction.atomic
def stop(key_id: UUID, *, reason: str, by: User) -> UserProvider:
    """Switch a person's key off until an admin starts it again; their jobs use the team's.

    NotAllowed, ReasonMissing, NoSuchKey; KeyStopped where it is stopped already.
    """
    said = _reason(reason)
    row = _locked(key_id, by=by)
    was_active = row.is_active
    if row.stopped_at is not None:
        raise KeyStopped("An admin stopped this key already.")
    _note_stop(row, said, by=by)
    row.save(update_fields=["is_active", "stopped_at", "stopped_by", "stopped_reason"])
    _record("stopped", row, by=by, before={"is_active": was_active}, reason=said)
    _tell(row, "stopped", said)
    return row


@transaction.atomic
def start(key_id: UUID, *, by: User) -> UserProvider:
    """Let the person use their key again, and switch it on. NotAllowed, NoSuchKey."""
    row = _locked(key_id, by=by)
    if row.stopped_at is None or not row.has_key:  # type: ignore[attr-defined] # annotated
        raise NoSuchKey("There is no key that an admin has stopped.")
    reason = row.stopped_reason
    row.is_active = True
    row.stopped_at, row.stopped_by, row.stopped_reason = None, None, ""
    row.save(update_fields=["is_active", "stopped_at", "stopped_by", "stopped_reason"])
    _record("started", row, by=by, before={"stopped_reason": reason})
    return row


@transaction.atomic
def take_away(key_id: UUID, *, reason: str, by: User) -> None:
    """Erase a person's key; the row stays until they have noted it, or enter another.

    NotAllowed, ReasonMissing, NoSuchKey.
    """
    said = _reason(reason)
    row = _locked(key_id, by=by)
    if not row.has_key:  # type: ignore[attr-defined] # annotated
        raise NoSuchKey("There is no key any more: it is removed already.")
    was_active = row.is_active
    _note_stop(row, said, by=by)
    row.api_key, row.key_hint = None, ""
    row.status, row.tested_at, row.error_message = KeyStatus.UNTESTED, None, ""
    row.save()
    _record("taken_away", row, by=by, before={"is_active": was_active}, reason=said)
    _tell(row, "taken_away", said)


# --- How ------------------------------------------------------------------------------------------


def check_may(by: User) -> None:
    """NotAllowed for everybody but admins."""
    if not by.is_superuser:
        raise NotAllowed("Only an admin may look after other people's keys.")


def _reason(reason: str) -> str:
    text = " ".join(reason.replace("\x00", "").split())
    if not text:
        raise ReasonMissing("Say why; its owner is told.")
    if len(text) > LONGEST_REASON:
        raise ReasonMissing(
            f"A reason has at most {LONGEST_REASON} characters; this one has {len(text)}."
        )
    return text


def _locked(key_id: UUID, *, by: User) -> UserProvider:
    check_may(by)
    row = listed().select_for_update(of=("self",)).filter(pk=key_id).first()
    if row is None:
        raise NoSuchKey(f"There is no key {key_id}.")
    if row.user_id == by.pk:
        raise NotAllowed("This key is your own: it is looked after on the page Your keys.")
    return row


def _note_stop(row: UserProvider, reason: str, *, by: User) -> None:
    row.is_active = False
    row.stopped_at, row.stopped_by, row.stopped_reason = timezone.now(), by, reason


def _record(
    what: str, row: UserProvider, *, by: User, before: dict[str, object], reason: str = ""
) -> None:
    record(
        f"user_provider.{what}",
        by=by,
        subject=(NOUN, str(row.pk)),
        before=before,
        after={"is_active": row.is_active},
        details={"provider": row.provider.name, "user_id": str(row.user_id)}
        | ({"reason": reason} if reason else {}),
    )


def _tell(row: UserProvider, what: str, reason: str) -> None:
    if not row.user.is_active:
        return
    did = _LETTERS[what]
    mail.post(
        f"provider_key_{what}",
        row.user.email,
        f"Your key at {row.provider} was {did}",
        f"An admin {did} your key at {row.provider}. They say why: {reason}\n\n"
        "Your jobs use the team's key from now on, if there is one. You can enter another key at"
        f" {settings.SITE_URL}/provider-keys/",
    )
