"""Who is let in, who is not, and that nobody can tell why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import log_in
from accounts.models import User
from accounts.passwords import HashingBusy, hashers, verification
from audit.models import Entry
from database.actor import acting_as
from tests.accounts.login.conftest import HOME, PASSWORD, WRONG, MakePerson, turn_on_codes

pytestmark = pytest.mark.django_db

Prepare = Callable[[User], tuple[str, str]]


def unknown(person: User) -> tuple[str, str]:
    return "nobody@example.org", PASSWORD


def wrong(person: User) -> tuple[str, str]:
    return person.email, WRONG


def locked(person: User) -> tuple[str, str]:
    until = timezone.now() + timedelta(minutes=5)
    User.objects.filter(pk=person.pk).update(locked_until=until)
    return person.email, PASSWORD


def locked_and_wrong(person: User) -> tuple[str, str]:
    return locked(person)[0], WRONG


def deactivated(person: User) -> tuple[str, str]:
    User.objects.filter(pk=person.pk).update(is_active=False)
    return person.email, PASSWORD


def without_password(person: User) -> tuple[str, str]:
    User.objects.filter(pk=person.pk).update(password="!")
    return person.email, PASSWORD


def without_hash(person: User) -> tuple[str, str]:
    User.objects.filter(pk=person.pk).update(password="")
    return person.email, ""


REASONS: dict[Prepare, str] = {
    unknown: "unknown_address",
    wrong: "wrong_password",
    locked: "locked",
    locked_and_wrong: "locked",
    deactivated: "deactivated",
    without_password: "no_password",
    without_hash: "wrong_password",
}


def latest(action: str) -> Entry:
    return Entry.objects.filter(action=action).latest("id")


def refuse(email: str, password: str, address: str = HOME) -> str:
    with pytest.raises(log_in.LoginRefused) as caught:
        log_in.check(email, password, address=address)
    return str(caught.value)


@pytest.mark.parametrize("email", ["grace@example.org", "GRACE@Example.Org", " grace@example.org "])
def test_the_right_password_opens_whatever_the_addresss_capitals(person: User, email: str) -> None:
    assert log_in.check(email, PASSWORD, address=HOME) == person


def test_nobody_needs_to_be_named_for_it(person: User) -> None:
    """As in a request before it is known who asks, when the database shows no row of anybody."""
    with acting_as(None):
        assert log_in.check(person.email, PASSWORD, address=HOME) == person
        assert refuse(person.email, WRONG) == log_in.REFUSED

    person.refresh_from_db()
    assert person.failed_login_count == 1


@pytest.mark.parametrize("prepare", REASONS, ids=lambda one: one.__name__)
def test_everybody_else_gets_the_same_sentence(person: User, prepare: Prepare) -> None:
    """ASVS 5.0 V6.3.8: from the answer nobody can tell who is known here."""
    email, password = prepare(person)

    assert refuse(email, password) == log_in.REFUSED


@pytest.mark.parametrize("prepare", REASONS, ids=lambda one: one.__name__)
def test_the_log_knows_why(person: User, prepare: Prepare) -> None:
    email, password = prepare(person)

    refuse(email, password)

    entry = latest("session.refused")
    assert entry.outcome == "failure"
    assert entry.details == {"reason": REASONS[prepare]}
    assert entry.resource_id == (None if prepare is unknown else str(person.pk))
    assert email not in entry.payload


def shape(email: str, password: str) -> list[str]:
    """The statements of one refusal, without the values that they carry."""
    with CaptureQueriesContext(connection) as queries:
        refuse(email, password)
    return [_statement(query["sql"]) for query in queries]


def _statement(sql: str) -> str:
    if "SAVEPOINT" in sql:  # its name is a number
        return sql.partition('"')[0]
    return sql.split("WHERE", maxsplit=1)[0].split("VALUES", maxsplit=1)[0][:80]


def test_the_same_statements_are_made_for_everybody(make_person: MakePerson) -> None:
    """ASVS 5.0 V6.3.8: also the time tells nothing; see docs/benchmarks/login_time.md."""
    shapes = {}
    for prepare in REASONS:
        email, password = prepare(make_person())
        shapes[prepare.__name__] = shape(email, password)

    assert len(shapes["unknown"]) > 3
    for name, statements in shapes.items():
        assert statements == shapes["unknown"], name


def test_the_same_hashes_are_made_for_everybody(
    make_person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    real = hashers.matches

    def matches(password: str, plain: str) -> bool:
        made.append(plain.rpartition("$")[0].rpartition("$")[0])
        return real(password, plain)

    monkeypatch.setattr(verification, "matches", matches)
    for prepare in REASONS:
        email, password = prepare(make_person())
        refuse(email, password)

    assert len(made) == len(REASONS)
    assert set(made) == {"$argon2id$v=19$m=64,t=1,p=4"}


def test_the_right_password_is_refused_if_the_person_changes_meanwhile(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = hashers.matches

    def matches(password: str, plain: str) -> bool:
        User.objects.filter(pk=person.pk).update(password="argon2$another")
        return real(password, plain)

    monkeypatch.setattr(verification, "matches", matches)

    assert refuse(person.email, PASSWORD) == log_in.REFUSED
    assert latest("session.refused").details == {"reason": "changed_meanwhile"}


@pytest.mark.parametrize(
    "typed", ["", " ", "x" * 100_000, "a\x00b@example.org", "half\ud83e@example.org", "' OR 1=1 --"]
)
def test_whatever_is_typed_is_refused_without_a_fault(person: User, typed: str) -> None:
    assert refuse(typed, typed) == log_in.REFUSED
    assert refuse(person.email, typed) == log_in.REFUSED


def test_a_busy_server_is_no_failure_of_the_visitor(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise HashingBusy("Too many people log in at this moment.")

    monkeypatch.setattr("accounts.passwords.verify", busy)

    with pytest.raises(log_in.ServerBusy) as caught:
        log_in.check(person.email, PASSWORD, address=HOME)

    person.refresh_from_db()
    assert caught.value.retry_after > 0
    assert person.failed_login_count == 0


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_run_in_a_transaction_that_could_undo_its_counting(person: User) -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        log_in.check(person.email, PASSWORD, address=HOME)


# --- Django's own ways ----------------------------------------------------------------------------


def test_djangos_own_way_counts_and_refuses_alike(person: User, client: Client) -> None:
    assert authenticate(username=person.email, password=PASSWORD) == person
    assert authenticate(username=person.email, password=WRONG) is None
    assert not client.login(username=person.email, password=WRONG)
    assert authenticate(username=None, password=PASSWORD) is None

    person.refresh_from_db()
    assert person.failed_login_count == 2


def test_djangos_own_way_does_not_lead_past_the_second_factor(person: User) -> None:
    turn_on_codes(person)

    assert authenticate(username=person.email, password=PASSWORD) is None


# --- The second step ------------------------------------------------------------------------------


def test_a_code_is_the_second_step(person: User) -> None:
    next_code, recovery = turn_on_codes(person)
    user = log_in.check(person.email, PASSWORD, address=HOME)

    log_in.check_code(user, next_code(), address=HOME)
    log_in.check_code(user, recovery[0], address=HOME)

    with pytest.raises(log_in.LoginRefused, match="code"):
        log_in.check_code(user, recovery[0], address=HOME)
    assert latest("session.refused").details == {"reason": "wrong_code"}


def test_the_right_password_alone_does_not_forget_wrong_codes(person: User) -> None:
    """Else who has the password could try codes without end."""
    turn_on_codes(person)

    for _ in range(log_in.FAILURES_TO_LOCK):
        user = log_in.check(person.email, PASSWORD, address="")
        with pytest.raises(log_in.LoginRefused):
            log_in.check_code(user, "000000", address="")

    person.refresh_from_db()
    assert person.locked_until is not None
    assert refuse(person.email, PASSWORD) == log_in.REFUSED


def test_the_right_code_forgets_what_failed_before(person: User) -> None:
    next_code, _ = turn_on_codes(person)
    refuse(person.email, WRONG)
    user = log_in.check(person.email, PASSWORD, address=HOME)
    person.refresh_from_db()
    assert person.failed_login_count == 1

    log_in.check_code(user, next_code(), address=HOME)

    person.refresh_from_db()
    assert person.failed_login_count == 0


@pytest.mark.parametrize("prepare", [locked, deactivated, without_password])
def test_a_right_code_is_refused_to_who_may_not_come_in(person: User, prepare: Prepare) -> None:
    next_code, _ = turn_on_codes(person)
    user = log_in.check(person.email, PASSWORD, address=HOME)
    prepare(person)

    with pytest.raises(log_in.LoginRefused) as caught:
        log_in.check_code(user, next_code(), address=HOME)

    assert str(caught.value) == log_in.CODE_REFUSED


# --- Once more, for what weighs much --------------------------------------------------------------


def test_who_is_logged_in_is_asked_again_and_failures_count(person: User) -> None:
    assert log_in.confirm(person, PASSWORD) == person

    for _ in range(log_in.FAILURES_TO_LOCK):
        with pytest.raises(log_in.LoginRefused):
            log_in.confirm(person, WRONG)
    with pytest.raises(log_in.LoginRefused, match="locked"):
        log_in.confirm(person, PASSWORD)
