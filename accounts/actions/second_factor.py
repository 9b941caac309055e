"""The second factor: one-time codes from an app, and recovery codes for the day it is lost.

Logging in asks ``accounts.actions.log_in.check_code``, which counts wrong codes; what people change
of their own second factor is in ``accounts.actions.own_factor``, which asks there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.utils import timezone

from accounts import mail, one_time_codes, recovery_codes
from accounts.actions import sessions
from accounts.models import RecoveryCode, SessionEnd, TotpDevice, User
from audit.recording import record
from database import system_settings
from database.actor import acting_as, acting_as_system

# A secret that was shown but not confirmed is worth nothing after this.
ENROLMENT_TIME: Final = timedelta(hours=1)
ALREADY_ON: Final = "One-time codes are on already. Turn them off first to set them up anew."


class AlreadyOn(Exception):
    """The second factor is on; it has to be turned off before it is set up anew."""


class NotOn(Exception):
    """There is no second factor to do this with."""


class NothingToConfirm(Exception):
    """No secret waits for its first code, or it has waited too long."""


class WrongCode(Exception):
    """The code does not belong to the secret at this moment."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an app needs: the secret (base32), also as an address, and that as a QR code (SVG)."""

    secret: str
    uri: str
    svg: str

    def __repr__(self) -> str:
        return "<Enrolment>"


@dataclass(frozen=True, slots=True)
class Status:
    """How the second factor of a person stands."""

    is_on: bool
    is_demanded: bool
    since: datetime | None
    codes_left: int

    @property
    def has_few_codes(self) -> bool:
        """Whether it is time to make new recovery codes."""
        return self.is_on and self.codes_left <= recovery_codes.FEW


# --- How it stands --------------------------------------------------------------------------------


def is_on(user: User) -> bool:
    """Whether logging in as this person takes a code."""
    with acting_as(user.pk):
        return _confirmed(user).exists()


def is_demanded(user: User) -> bool:
    """Whether this person must have one: the setting ``require_second_factor_for_staff``."""
    if not user.is_staff:
        return False
    with acting_as_system():  # settings are the admins' to see, and everybody's to obey
        return bool(system_settings.get("require_second_factor_for_staff"))


def status(user: User) -> Status:
    """What the person's own page shows."""
    with acting_as(user.pk):
        since = _confirmed(user).values_list("confirmed_at", flat=True).first()
        left = _unused(user).count() if since else 0
    return Status(bool(since), is_demanded(user), since, left)


# --- Setting up -----------------------------------------------------------------------------------


@transaction.atomic
def enrol(user: User) -> Enrolment:
    """Make a secret, which counts once it is confirmed; one not confirmed before is void.

    AlreadyOn, when the second factor is on.
    """
    _lock(user)
    if _confirmed(user).exists():
        raise AlreadyOn(ALREADY_ON)
    TotpDevice.objects.filter(user=user).delete()
    secret = one_time_codes.new_secret()
    TotpDevice.objects.create(user=user, secret=secret)
    record("second_factor.enrolled", by=user, subject=user)
    return _enrolment(user, secret)


def pending(user: User) -> Enrolment | None:
    """The secret that waits for its first code."""
    device = _waiting(user).first()
    return None if device is None else _enrolment(user, device.secret.reveal())


@transaction.atomic
def confirm(
    user: User, code: str, *, session_id: UUID | None = None, at: datetime | None = None
) -> list[str]:
    """Turn the second factor on with a first code; the recovery codes, which are shown once.

    The person's sessions end, as they were begun without it, but for ``session_id``, in which the
    code was given. WrongCode, NothingToConfirm.
    """
    moment = at or timezone.now()
    device = _waiting(user).first()
    if device is None:
        raise NothingToConfirm(
            "There is no secret to confirm, or it was shown more than an hour ago. Begin again."
        )
    step = one_time_codes.matching_step(device.secret.reveal(), code, moment)
    if step is None:
        raise WrongCode(
            "This code does not belong to the secret. Check that the clock of the phone is right,"
            " and type the code that the app shows now."
        )
    won = _waiting(user).filter(pk=device.pk).update(confirmed_at=moment, last_step=step)
    if not won:
        raise NothingToConfirm(
            "This was confirmed a moment ago. Its recovery codes were shown then."
        )
    codes = _replace_codes(user)
    sessions.end_all(user, by=user, reason=SessionEnd.FACTOR_CHANGED, but=session_id)
    if session_id is not None:
        user.sessions.filter(pk=session_id, ended_at=None).update(has_second_factor=True)
    record("second_factor.confirmed", by=user, subject=user)
    mail.second_factor_on(user)
    return codes


# --- Using it -------------------------------------------------------------------------------------


def verify(user: User, code: str, *, at: datetime | None = None) -> bool:
    """Whether the code is right: one from the app, or a recovery code; each is accepted once.

    Call it through ``log_in.check_code``, which counts what was wrong.
    """
    with acting_as(user.pk), transaction.atomic():
        if one_time_codes.is_code(code):
            return _verify_one_time(user, code, at or timezone.now())
        return _verify_recovery(user, code)


def _verify_one_time(user: User, code: str, moment: datetime) -> bool:
    device = _confirmed(user).first()
    if device is None:
        return False
    step = one_time_codes.matching_step(device.secret.reveal(), code, moment)
    if step is None:
        return False
    # One statement: of those that come with the same code at the same moment, one gets the row.
    return bool(TotpDevice.objects.filter(pk=device.pk, last_step__lt=step).update(last_step=step))


def _verify_recovery(user: User, code: str) -> bool:
    if not _confirmed(user).exists():
        return False
    if (
        not _unused(user)
        .filter(code_hash=recovery_codes.digest(code))
        .update(used_at=timezone.now())
    ):
        return False
    left = _unused(user).count()
    record("second_factor.recovery_code_used", by=user, subject=user, details={"left": left})
    mail.recovery_code_used(user, left=left)
    return True


# --- Changing it ----------------------------------------------------------------------------------


@transaction.atomic
def replace_recovery_codes(user: User) -> list[str]:
    """A new set; the old one is void. For ``own_factor``, which asks for a code first."""
    _lock(user)
    if not _confirmed(user).exists():
        raise NotOn("One-time codes are not on, so there is nothing to recover.")
    codes = _replace_codes(user)
    record("second_factor.recovery_codes_replaced", by=user, subject=user)
    mail.recovery_codes_replaced(user)
    return codes


@transaction.atomic
def remove(user: User, *, by: User | None, is_proven: bool = False) -> int:
    """Turn the second factor off, and end the person's sessions; how many ended.

    ``by``         an admin, or None for an operator at the server
    ``is_proven``  it is the person themself, whose password and code have just been asked for

    PermissionDenied, NotOn.
    """
    is_own = by is not None and by.pk == user.pk
    if is_own and not is_proven:
        raise PermissionDenied(
            "Your own second factor is turned off with your password and a code."
        )
    if by is not None and not is_own and not by.is_superuser:
        raise PermissionDenied("Only an admin may turn off the second factor of somebody else.")
    _lock(user)
    if not _confirmed(user).exists():
        raise NotOn(f"{user} has no second factor.")
    TotpDevice.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    ended = _end_sessions(user, by)
    record("second_factor.removed", by=by, subject=user, details={"by_the_person": is_own})
    mail.second_factor_off(user, by=by)
    return ended


# --- Rows -----------------------------------------------------------------------------------------


def _confirmed(user: User) -> models.QuerySet[TotpDevice]:
    return TotpDevice.objects.filter(user=user, confirmed_at__isnull=False)


def _waiting(user: User) -> models.QuerySet[TotpDevice]:
    since = timezone.now() - ENROLMENT_TIME
    return TotpDevice.objects.filter(user=user, confirmed_at=None, created_at__gt=since)


def _unused(user: User) -> models.QuerySet[RecoveryCode]:
    return RecoveryCode.objects.filter(user=user, used_at=None)


def _lock(user: User) -> None:
    """One at a time changes what a person logs in with."""
    User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk").get()


def _end_sessions(user: User, by: User | None) -> int:
    if by is not None:
        return sessions.end_all(user, by=by, reason=SessionEnd.FACTOR_CHANGED)
    return user.sessions.filter(ended_at=None).update(
        ended_at=timezone.now(), end_reason=SessionEnd.FACTOR_CHANGED
    )


def _replace_codes(user: User) -> list[str]:
    codes = recovery_codes.make_set()
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, code_hash=recovery_codes.digest(code)) for code in codes
    )
    return codes


def _enrolment(user: User, secret: str) -> Enrolment:
    address = one_time_codes.uri(secret, account=user.email)
    return Enrolment(secret, address, one_time_codes.qr_svg(address))
