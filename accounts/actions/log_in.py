"""Logging in: one sentence, and the same work, for everybody who may not.

What the visitor is not told stands in the audit log: each refusal is an entry with its reason.
Ten failures in a row lock an account for a quarter of an hour, each time twice as long; one address
has so many failures within a quarter of an hour (LOGIN_ATTEMPTS_PER_ADDRESS). See docs/log-in.md.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils import timezone

from accounts import passwords
from accounts.actions import second_factor
from accounts.models import User
from accounts.passwords.imported import IMPORTED_PATTERN
from audit.recording import record
from config.api.throttles import network_of
from database.actor import acting_as, acting_as_system

# Failures in a row until the account is locked; the first lock's minutes; the longest lock's.
FAILURES_TO_LOCK: Final = 10
FIRST_LOCK_MINUTES: Final = 15
LONGEST_LOCK_MINUTES: Final = 24 * 60

WINDOW_SECONDS: Final = 15 * 60
_SCOPE: Final = "login_address"
_NOTED: Final = "login_address_noted"

_LONGEST_EMAIL: Final = 255

REFUSED: Final = (
    "This e-mail address and password do not fit together, or the account cannot be used at this"
    " moment. Check both, or ask an admin."
)
CODE_REFUSED: Final = (
    "This code is not right, was used already, or the account cannot be used at this moment. Wait"
    " for the next code, or use a recovery code."
)
CONFIRMATION_REFUSED: Final = (
    "This is not your password, or the account is locked after too many wrong ones."
)

Reason = Literal[
    "unknown_address",
    "wrong_password",
    "no_password",
    "locked",
    "deactivated",
    "changed_meanwhile",
    "wrong_code",
    "no_staff_role",
    "too_many_from_one_address",
]

_IMPORTED_WORK: Final = (
    "SELECT coalesce(max(substr(password_hash, 5, 2)), '0')::integer FROM users"
    f" WHERE password_hash ~ '{IMPORTED_PATTERN}'"
)
# One statement, so that failures at the same moment all count. A lock is not prolonged, and what
# happens while it holds is not counted. Somebody who does not exist is nobody's row.
_FAIL: Final = f"""
    UPDATE users SET
        failed_login_count = CASE
            WHEN failed_login_count + 1 >= {FAILURES_TO_LOCK} THEN 0 ELSE failed_login_count + 1
        END,
        lockout_count = lockout_count
            + CASE WHEN failed_login_count + 1 >= {FAILURES_TO_LOCK} THEN 1 ELSE 0 END,
        locked_until = CASE
            WHEN failed_login_count + 1 < {FAILURES_TO_LOCK} THEN locked_until
            ELSE clock_timestamp() + least(
                make_interval(mins => {LONGEST_LOCK_MINUTES}),
                make_interval(mins => {FIRST_LOCK_MINUTES}) * 2 ^ least(lockout_count, 20)
            )
        END
    WHERE id = %s AND is_active AND (locked_until IS NULL OR locked_until <= clock_timestamp())
    RETURNING failed_login_count, lockout_count, locked_until
"""
# The password alone is half of a log-in where a one-time code is asked for, too: what failed before
# is forgotten when the code was right. The hash is the one that was compared with.
_SUCCEED: Final = """
    UPDATE users u SET
        failed_login_count = CASE WHEN half.way THEN failed_login_count ELSE 0 END,
        lockout_count = CASE WHEN half.way THEN lockout_count ELSE 0 END
    FROM (
        SELECT %s AND EXISTS (
            SELECT FROM totp_devices d WHERE d.user_id = %s AND d.confirmed_at IS NOT NULL
        ) AS way
    ) half
    WHERE u.id = %s AND u.is_active AND u.password_hash = %s
        AND (u.locked_until IS NULL OR u.locked_until <= clock_timestamp())
    RETURNING u.id
"""


class LoginRefused(Exception):
    """One sentence for every reason; what was wrong is not told."""


class TooManyAttempts(Exception):
    """Too many failures from one address; ``retry_after`` says how many seconds to wait."""

    def __init__(self, retry_after: int, sentence: str = "") -> None:
        minutes = max(1, round(retry_after / 60))
        super().__init__(
            sentence
            or "Too many failed log-ins came from your address."
            f" Try again in {minutes} minute{'s' if minutes > 1 else ''}."
        )
        self.retry_after = retry_after


class ServerBusy(TooManyAttempts):
    """So many people log in at this moment that this one has to come again: not their fault."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Who may be meant by an address, as they stood before the password was compared."""

    person: User | None
    imported_work: int

    @property
    def encoded(self) -> str:
        return self.person.password if self.person else ""

    @property
    def key(self) -> UUID:
        """The person's, or one that nobody has."""
        return self.person.pk if self.person else uuid.uuid4()


def check(email: str, password: str, *, address: str) -> User:
    """The person with this e-mail address and password.

    ``address``  the visitor's IP address, which is counted; an empty one is not

    LoginRefused, with one sentence for unknown, wrong, locked and deactivated; TooManyAttempts, of
    which ServerBusy is one. Not to be called in a transaction, which would undo what is counted.
    A person with a second factor is not logged in yet: check_code comes next.
    """
    typed = _as_text(email)
    _count(address)
    with acting_as_system(), transaction.atomic(durable=True):
        found = _Found(_find(typed), _imported_work())
    verdict = _verify(password, found.encoded, imported_work=found.imported_work)
    person = found.person
    reason = _why_not(person, matches=verdict.matches)
    if person and not reason:
        new_hash = _hash_anew(password) if verdict.is_outdated else ""
        if _succeed(person, new_hash, is_half=True):
            _give_back(address)
            return person
    _fail(found.key, person)
    refused(person, reason or "changed_meanwhile", typed=typed)
    raise LoginRefused(REFUSED)


def check_code(user: User, code: str, *, address: str) -> None:
    """The second step: a one-time code or a recovery code of whoever gave the right password.

    LoginRefused, TooManyAttempts; a wrong code counts as a wrong password does.
    """
    _count(address)
    with acting_as_system(), transaction.atomic():
        person = User.objects.filter(pk=user.pk, password=user.password).first()
    reason = _why_not(person, matches=True)
    if person and not reason:
        with acting_as(person.pk):
            is_right = second_factor.verify(person, code)
        reason = "" if is_right else "wrong_code"
        if is_right and _succeed(person, "", is_half=False):
            _give_back(address)
            return
    _fail(user.pk, person)
    refused(person, reason or "changed_meanwhile")
    raise LoginRefused(CODE_REFUSED)


def confirm(user: User, password: str) -> User:
    """Ask somebody who is logged in already for their password, before they do what weighs much.

    The person as they stand in the database, with the hash that was compared.

    LoginRefused; failures count as those at the door do, so that who finds an open browser cannot
    try passwords there. ServerBusy, as in ``check``.
    """
    with acting_as_system(), transaction.atomic():
        person = User.objects.get(pk=user.pk)
    verdict = _verify(password, person.password)
    reason = _why_not(person, matches=verdict.matches)
    if not reason:
        return person
    _fail(person.pk, person)
    refused(person, reason)
    raise LoginRefused(CONFIRMATION_REFUSED)


@transaction.atomic
def unlock(user_id: UUID, *, by: User | None) -> User:
    """Lift a lock before its time, and forget the failures; without a lock nothing happens.

    ``by`` is an admin, or None for an operator at the server. PermissionDenied, User.DoesNotExist.
    """
    if by is not None and not by.is_superuser:
        raise PermissionDenied("Only an admin may unlock an account.")
    person = User.objects.select_for_update().get(pk=user_id)
    was = person.locked_until
    if was is None and not person.failed_login_count and not person.lockout_count:
        return person
    person.failed_login_count, person.lockout_count, person.locked_until = 0, 0, None
    person.save(update_fields=["failed_login_count", "lockout_count", "locked_until"])
    record(
        "account.unlocked",
        by=by,
        subject=person,
        before={"locked_until": _moment(was)},
        after={"locked_until": None},
    )
    return person


def refused(person: User | None, reason: Reason | str, *, typed: str = "") -> None:
    """Note that somebody was refused: the log may know why, the visitor may not."""
    email = typed or (person.email if person else "")
    record(
        "session.refused",
        subject=person,
        outcome="failure",
        details={"reason": reason},
        personal={"email": address_in(email)},
    )


def address_in(typed: str) -> str:
    """What may be noted of what was typed as an e-mail address.

    Nothing of what cannot be one: it may be a password in the wrong field.
    """
    return typed if "@" in typed else ""


# --- Finding and comparing ------------------------------------------------------------------------


def _as_text(email: str) -> str:
    """What was typed, as PostgreSQL can compare it; too long an address stays too long."""
    printable = email.strip().encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    return printable[: _LONGEST_EMAIL + 1]


def _find(typed: str) -> User | None:
    try:
        return User.objects.get_by_natural_key(typed)
    except User.DoesNotExist:
        return None


def _imported_work() -> int:
    """The highest cost of the bcrypt hashes that have not been replaced yet, or 0."""
    with connection.cursor() as cursor:
        cursor.execute(_IMPORTED_WORK)
        work: int = cursor.fetchone()[0]
    return work


def _verify(password: str, encoded: str, *, imported_work: int = 0) -> passwords.Verdict:
    try:
        return passwords.verify(password, encoded, imported_work=imported_work)
    except passwords.HashingBusy as error:
        raise ServerBusy(error.retry_after, str(error)) from error


def _hash_anew(password: str) -> str:
    """A right password, hashed with our parameters; nothing while no slot is free."""
    hasher = passwords.Argon2idHasher()
    try:
        return hasher.encode(password, hasher.salt())
    except passwords.HashingBusy:
        return ""  # the next log-in will do


def _why_not(person: User | None, *, matches: bool) -> Reason | Literal[""]:
    if person is None:
        return "unknown_address"
    if not person.is_active:
        return "deactivated"
    if person.locked_until is not None and person.locked_until > timezone.now():
        return "locked"
    if not matches:
        return "wrong_password" if person.has_usable_password() else "no_password"
    return ""


# --- Counting -------------------------------------------------------------------------------------


def _succeed(person: User, new_hash: str, *, is_half: bool) -> bool:
    """Forget the failures; False if the person was locked, deactivated or changed meanwhile."""
    with acting_as_system(), transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_SUCCEED, [is_half, person.pk, person.pk, person.password])
        if cursor.fetchone() is None:
            return False
        if new_hash:
            _keep_hash(person, new_hash)
    return True


def _keep_hash(person: User, new_hash: str) -> None:
    """The same password under our hash: no session ends of it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.rehash', 'on', true)")
        User.objects.filter(pk=person.pk).update(password=new_hash)
        cursor.execute("SELECT set_config('app.rehash', '', true)")
    person.password = new_hash
    record("user.password_rehashed", by=person, subject=person)


def _fail(key: UUID, person: User | None) -> None:
    """Count a failure; the tenth in a row locks the account."""
    with acting_as_system(), transaction.atomic(durable=True), connection.cursor() as cursor:
        # Waiting for the disk here would tell that there was something to write. The entry that is
        # written next waits, also for this.
        cursor.execute("SELECT set_config('synchronous_commit', 'off', true)")
        cursor.execute(_FAIL, [key])
        counted = cursor.fetchone()
        if person is None or counted is None or counted[0] > 0:
            return
        record(
            "account.locked",
            subject=person,
            after={"locked_until": _moment(counted[2])},
            details={"locks_in_a_row": counted[1], "failures": FAILURES_TO_LOCK},
        )


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _count(address: str) -> None:
    """Count an attempt from an address; TooManyAttempts, noted once in each window."""
    if not address:
        return
    network = network_of(address)
    wait = _counted(_SCOPE, network, settings.LOGIN_ATTEMPTS_PER_ADDRESS)
    if not wait:
        return
    # A flood must not fill a log from which nothing is ever taken away.
    if not _counted(_NOTED, network, 1):
        refused(None, "too_many_from_one_address")
    raise TooManyAttempts(wait)


def _counted(scope: str, subject: str, most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count_request(%s, %s, %s, %s)", [scope, subject, most, WINDOW_SECONDS]
        )
        wait: int = cursor.fetchone()[0]
    return wait


def _give_back(address: str) -> None:
    """A log-in that succeeded is no attempt: a hundred people may come through one address."""
    if not address:
        return
    with acting_as_system(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE throttles SET requests = greatest(requests - 1, 0)"
            " WHERE scope = %s AND subject = %s",
            [_SCOPE, network_of(address)],
        )
