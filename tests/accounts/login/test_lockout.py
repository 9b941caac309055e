"""Ten failures in a row lock an account for a while, and twice as long the next time."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.actions import log_in
from accounts.models import User
from audit.models import Entry
from database.actor import acting_as
from tests.accounts.login.conftest import PASSWORD, WRONG, MakePerson
from tests.factories import make_user


def fail(email: str, password: str = WRONG) -> None:
    with pytest.raises(log_in.LoginRefused):
        log_in.check(email, password, address="")


def fail_until_locked(person: User) -> timedelta:
    """Fail ten times in a row; how long the account is locked from now on."""
    begin = timezone.now()
    for _ in range(log_in.FAILURES_TO_LOCK):
        fail(person.email)
    person.refresh_from_db()
    assert person.locked_until is not None
    return person.locked_until - begin


def unlock_by_time(person: User) -> None:
    past = timezone.now() - timedelta(seconds=1)
    User.objects.filter(pk=person.pk).update(locked_until=past)


def entries(action: str, person: User) -> list[Entry]:
    return list(Entry.objects.filter(action=action, resource_id=str(person.pk)).order_by("id"))


def fail_at_once(person: User, number: int) -> list[str]:
    """What so many failures in the same moment are told."""
    start = threading.Barrier(number)

    def attempt(_: int) -> str:
        try:
            start.wait()
            log_in.check(person.email, WRONG, address="")
        except log_in.LoginRefused as error:
            return str(error)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(number) as pool:
        said = list(pool.map(attempt, range(number)))
    person.refresh_from_db()
    return said


@pytest.mark.django_db(transaction=True)
def test_forty_failures_at_once_lock_at_exactly_ten(person: User) -> None:
    """One statement counts: of failures in the same moment none is lost, none counts twice."""
    said = fail_at_once(person, 40)

    assert said == [log_in.REFUSED] * 40
    assert (person.failed_login_count, person.lockout_count) == (0, 1)
    assert person.locked_until is not None
    assert len(entries("account.locked", person)) == 1
    assert len(entries("session.refused", person)) == 40


@pytest.mark.django_db(transaction=True)
def test_nine_failures_at_once_lock_nobody_and_the_tenth_does(person: User) -> None:
    fail_at_once(person, 9)
    assert (person.failed_login_count, person.lockout_count, person.locked_until) == (9, 0, None)

    fail_at_once(person, 1)
    assert (person.failed_login_count, person.lockout_count) == (0, 1)
    assert person.locked_until is not None


@pytest.mark.django_db(transaction=True)
def test_the_lock_is_one_entry_with_its_end(person: User) -> None:
    fail_until_locked(person)

    (entry,) = entries("account.locked", person)
    assert entry.changes_after == {
        "locked_until": person.locked_until and person.locked_until.isoformat(timespec="seconds")
    }
    assert entry.details == {"failures": 10, "locks_in_a_row": 1}
    assert entries("user.updated", person) == []


@pytest.mark.django_db
def test_nine_failures_lock_nobody_and_a_success_forgets_them(person: User) -> None:
    for _ in range(2):
        for _ in range(log_in.FAILURES_TO_LOCK - 1):
            fail(person.email)
        assert log_in.check(person.email, PASSWORD, address="") == person

    person.refresh_from_db()
    assert (person.failed_login_count, person.lockout_count, person.locked_until) == (0, 0, None)


@pytest.mark.django_db
def test_a_locked_account_refuses_the_right_password_until_the_lock_ends(person: User) -> None:
    fail_until_locked(person)

    fail(person.email, PASSWORD)
    unlock_by_time(person)

    assert log_in.check(person.email, PASSWORD, address="") == person
    person.refresh_from_db()
    assert person.lockout_count == 0


@pytest.mark.django_db
def test_failures_during_a_lock_neither_count_nor_prolong_it(person: User) -> None:
    fail_until_locked(person)
    until = person.locked_until

    for _ in range(log_in.FAILURES_TO_LOCK + 1):
        fail(person.email)

    person.refresh_from_db()
    assert (person.locked_until, person.failed_login_count) == (until, 0)


@pytest.mark.django_db
def test_each_lock_in_a_row_is_twice_as_long_up_to_a_day(person: User) -> None:
    minutes = []
    for _ in range(9):
        minutes.append(round(fail_until_locked(person) / timedelta(minutes=1)))
        unlock_by_time(person)

    assert minutes == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


@pytest.mark.django_db
def test_counts_of_any_size_do_not_break_it(person: User) -> None:
    largest = 2**31 - 1
    User.objects.filter(pk=person.pk).update(failed_login_count=largest - 1, lockout_count=1000)

    fail(person.email)

    person.refresh_from_db()
    assert (person.failed_login_count, person.lockout_count) == (0, 1001)


@pytest.mark.django_db
def test_nobody_else_is_counted(person: User, make_person: MakePerson) -> None:
    other = make_person()

    fail(person.email)
    fail("nobody@example.org")

    other.refresh_from_db()
    assert other.failed_login_count == 0


@pytest.mark.django_db(transaction=True)
def test_the_application_alone_can_neither_lock_nor_unlock(person: User) -> None:
    """A page that forgets itself, or SQL let in by one, acts as whoever is logged in."""
    for change in ({"locked_until": timezone.now()}, {"failed_login_count": 9}):
        with (
            acting_as(person.pk),
            pytest.raises(DatabaseError, match="Only an admin"),
            transaction.atomic(),
        ):
            User.objects.filter(pk=person.pk).update(**change)


# --- Unlocking ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_admin_lifts_the_lock(person: User) -> None:
    admin = make_user("admin")
    fail_until_locked(person)

    with acting_as(admin.pk):
        log_in.unlock(person.pk, by=admin)

    assert log_in.check(person.email, PASSWORD, address="") == person
    (entry,) = entries("account.unlocked", person)
    assert entry.actor_id == admin.pk
    assert entry.changes_after == {"locked_until": None}
    assert entries("user.updated", person) == []


@pytest.mark.django_db
def test_unlocking_who_is_not_locked_leaves_no_trace(person: User) -> None:
    log_in.unlock(person.pk, by=make_user("admin"))

    assert entries("account.unlocked", person) == []


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer", "api_user"])
def test_only_an_admin_unlocks(person: User, role: str) -> None:
    with pytest.raises(PermissionDenied):
        log_in.unlock(person.pk, by=make_user(role))


@pytest.mark.django_db
def test_an_operator_unlocks_by_command(person: User) -> None:
    fail_until_locked(person)
    out = io.StringIO()

    call_command("unlock_account", person.email.upper(), dry_run=True, stdout=out)
    person.refresh_from_db()
    assert person.locked_until is not None
    call_command("unlock_account", person.email.upper(), stdout=out)
    call_command("unlock_account", person.email, json=True, stdout=out)

    person.refresh_from_db()
    assert person.locked_until is None
    first, second, third = out.getvalue().splitlines()
    assert first.startswith("Would lift the lock that held until")
    assert second.startswith("Lifted the lock")
    assert json.loads(third) == {"dry_run": False, "locked_until": None}


@pytest.mark.django_db
def test_the_command_says_when_nobody_has_the_address() -> None:
    with pytest.raises(CommandError, match="Nobody has the e-mail address nobody@example.org"):
        call_command("unlock_account", "nobody@example.org")
