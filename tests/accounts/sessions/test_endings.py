"""What ends sessions: at once, for browsers, access tokens still in time, and refresh tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client

from accounts.actions import sessions
from accounts.actions.sessions import NoSuchSession, SessionOver
from accounts.models import Session, SessionEnd, User
from audit.models import Entry
from database.actor import acting_as, acting_as_system
from tests.accounts.sessions.devices import (
    ask_with,
    browser,
    browser_rows,
    is_logged_in,
    key_of,
    program,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def run_sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def set_password(person: User) -> None:
    person.set_password("another long phrase 43")
    person.save(update_fields=["password"])


def set_role(person: User) -> None:
    person.role = "moderator"
    person.save(update_fields=["role"])


def deactivate(person: User) -> None:
    person.is_active = False
    person.save(update_fields=["is_active"])


CHANGES: list[tuple[Callable[[User], None], str]] = [
    (set_password, "password_changed"),
    (set_role, "role_changed"),
    (deactivate, "deactivated"),
    (
        lambda person: run_sql("UPDATE users SET password_hash = 'x' WHERE id = %s", person.pk),
        "password_changed",
    ),
    (
        lambda person: run_sql("SELECT change_user_role(%s, 'moderator')", person.pk),
        "role_changed",
    ),
    (
        lambda person: run_sql("UPDATE users SET role = 'moderator' WHERE id = %s", person.pk),
        "role_changed",
    ),
    (
        lambda person: run_sql("UPDATE users SET is_active = false WHERE id = %s", person.pk),
        "deactivated",
    ),
]


@pytest.mark.parametrize(
    ("change", "reason"),
    CHANGES,
    ids=["password", "role", "deactivation", "sql-password", "sql-function", "sql-role", "sql-off"],
)
def test_a_new_password_another_role_or_deactivation_ends_every_session_at_once(
    change: Callable[[User], None], reason: str
) -> None:
    """ASVS 7.4.1, 7.4.2 and 7.4.3: also for access tokens that have not expired."""
    person, other = make_user("viewer"), make_user("viewer")
    client, tokens = browser(person), program(person)
    unconcerned = program(other)
    assert is_logged_in(client)
    assert ask_with(tokens) == 200

    change(person)

    assert ask_with(tokens) == 401
    assert not is_logged_in(client)
    with pytest.raises(SessionOver):
        sessions.refresh(tokens.refresh, address="", user_agent="")
    ends = Session.objects.filter(user=person).values_list("end_reason", flat=True)
    assert list(ends) == [reason, reason]
    assert browser_rows() == []
    assert ask_with(unconcerned) == 200


def test_a_deleted_person_has_no_session() -> None:
    person = make_user("viewer")
    client, tokens = browser(person), program(person)

    run_sql("DELETE FROM users WHERE id = %s", person.pk)

    assert ask_with(tokens) == 401
    assert not is_logged_in(client)
    assert browser_rows() == []


def test_a_rehash_of_the_same_password_ends_nothing() -> None:
    person = make_user("viewer")
    tokens = program(person)

    with transaction.atomic():
        run_sql("SET LOCAL app.rehash = 'on'")
        run_sql("UPDATE users SET password_hash = 'stronger' WHERE id = %s", person.pk)

    assert ask_with(tokens) == 200


def test_an_ended_session_by_plain_sql_logs_out_at_the_next_request() -> None:
    person = make_user("viewer")
    client, tokens = browser(person), program(person)

    run_sql("UPDATE sessions SET ended_at = now(), end_reason = 'revoked'")

    assert ask_with(tokens) == 401
    assert not is_logged_in(client)


def test_a_deleted_row_logs_out_at_the_next_request() -> None:
    person = make_user("viewer")
    client, tokens = browser(person), program(person)

    run_sql("DELETE FROM sessions")

    assert ask_with(tokens) == 401
    assert not is_logged_in(client)
    assert browser_rows() == []


def test_a_row_that_django_keeps_is_worth_nothing_without_ours() -> None:
    """Even where the trigger is evaded: the middleware asks for the row of the session."""
    client = browser(make_user("viewer"))
    with transaction.atomic():
        run_sql("UPDATE sessions SET browser_key_hash = NULL")

    assert not is_logged_in(client)
    assert browser_rows() == []


# --- Ending by hand -------------------------------------------------------------------------------


def test_one_ends_ones_own_session_and_it_is_recorded() -> None:
    person = make_user("viewer")
    tokens = program(person, device_name="Ada's laptop")

    with acting_as(person.pk):
        sessions.end(tokens.session.pk, by=person, reason=SessionEnd.REVOKED)

    assert ask_with(tokens) == 401
    entry = Entry.objects.get(action="session.revoked")
    assert (entry.actor_id, entry.resource_id) == (person.pk, str(tokens.session.pk))
    assert entry.details == {"reason": "revoked"}
    assert "Ada's laptop" not in entry.payload


def test_what_has_ended_stays_as_it_was() -> None:
    person = make_user("viewer")
    session = program(person).session
    sessions.end(session.pk, by=person, reason=SessionEnd.LOGGED_OUT)
    ended_at = Session.objects.get().ended_at

    sessions.end(session.pk, by=person, reason=SessionEnd.REVOKED)

    again = Session.objects.get()
    assert (again.ended_at, again.end_reason) == (ended_at, "logged_out")
    assert Entry.objects.filter(resource_type="session").count() == 2


@pytest.mark.parametrize("sight", [acting_as_system, lambda: acting_as(None)])
def test_nobody_but_an_admin_ends_the_session_of_another(sight: Any) -> None:
    """Whether or not row level security hides it."""
    tokens, other = program(make_user("viewer")), make_user("moderator")

    with sight(), pytest.raises(NoSuchSession, match=str(tokens.session.pk)):
        sessions.end(tokens.session.pk, by=other, reason=SessionEnd.REVOKED)
    with pytest.raises(NoSuchSession):
        sessions.end_all(tokens.session.user, by=other, reason=SessionEnd.REVOKED)

    assert ask_with(tokens) == 200


def test_an_admin_ends_all_sessions_of_somebody() -> None:
    """ASVS 7.4.5."""
    person, admin = make_user("viewer"), make_user("admin")
    client, tokens = browser(person), program(person)

    with acting_as(admin.pk):
        ended = sessions.end_all(person, by=admin, reason=SessionEnd.REVOKED_BY_ADMIN)

    assert ended == 2
    assert ask_with(tokens) == 401
    assert not is_logged_in(client)
    entries = Entry.objects.filter(action="session.revoked")
    assert {entry.actor_id for entry in entries} == {admin.pk}
    assert entries.count() == 2


def test_ending_all_others_keeps_the_one_in_hand() -> None:
    person = make_user("viewer")
    kept, others = program(person), [program(person), program(person)]

    ended = sessions.end_all(person, by=person, reason=SessionEnd.REVOKED, but=kept.session.pk)

    assert ended == 2
    assert ask_with(kept) == 200
    assert [ask_with(tokens) for tokens in others] == [401, 401]


# --- Beginnings that come too late ----------------------------------------------------------------


@pytest.mark.parametrize("change", [set_password, deactivate])
def test_no_session_begins_for_somebody_who_was_changed_while_logging_in(
    change: Callable[[User], None],
) -> None:
    """The password was checked, and is another when the session is to begin."""
    person = make_user("viewer")
    as_checked = User.objects.get(pk=person.pk)
    change(person)

    with pytest.raises(sessions.AccountChanged, match="Log in again"):
        program(as_checked)

    assert not Session.objects.exists()


def test_a_log_in_that_waits_for_a_change_of_the_person_sees_it(administrator: Any) -> None:
    """The password is changed by a transaction that is open when the session is to begin."""
    person = make_user("viewer")
    outcome: list[object] = []

    def enter() -> None:
        try:
            outcome.append(program(person))
        except sessions.AccountChanged as error:
            outcome.append(error)
        finally:
            connections.close_all()

    administrator.execute("BEGIN")
    administrator.execute("UPDATE users SET password_hash = 'x' WHERE id = %s", [person.pk])
    thread = threading.Thread(target=enter)
    thread.start()
    wait_until_somebody_waits(administrator)
    administrator.execute("COMMIT")
    thread.join()

    assert [type(found) for found in outcome] == [sessions.AccountChanged]
    assert not Session.objects.exists()


def test_a_change_of_the_person_that_waits_for_a_log_in_ends_it(administrator: Any) -> None:
    """The other way round: the session began first, and is not committed yet."""
    person = make_user("viewer")

    def change() -> None:
        administrator.execute("UPDATE users SET password_hash = 'x' WHERE id = %s", [person.pk])

    with transaction.atomic():
        tokens = program(person)
        thread = threading.Thread(target=change)
        thread.start()
        with connection.cursor() as cursor:
            wait_until_somebody_waits(cursor)
    thread.join()

    assert ask_with(tokens) == 401
    assert Session.objects.get().end_reason == "password_changed"


_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"


def wait_until_somebody_waits(asked: Any) -> None:
    """Until a backend waits for a lock; fails after ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = asked.execute(_WAITING) or asked
        if found.fetchone()[0]:
            return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


# --- Logging out ----------------------------------------------------------------------------------


def test_logging_out_ends_the_row_and_the_key_opens_nothing_any_more() -> None:
    """ASVS 7.4.1."""
    client = browser(make_user("viewer"))
    key = key_of(client)

    client.post("/logout/")

    assert Session.objects.get().end_reason == SessionEnd.LOGGED_OUT
    thief = Client()
    thief.cookies["sessionid"] = key
    assert not is_logged_in(thief)
    entry = Entry.objects.get(action="session.ended")
    assert (entry.resource_type, entry.details) == ("session", {"reason": "logged_out"})


@pytest.mark.parametrize("door", ["browser", "program"])
def test_the_api_logs_out_whatever_it_was_asked_with(door: str) -> None:
    person = make_user("viewer")
    client, tokens = browser(person), program(person)

    if door == "browser":
        client.get("/")
        answer = client.post("/api/v1/auth/logout/")
    else:
        answer = Client().post(
            "/api/v1/auth/logout/", headers={"authorization": f"Bearer {tokens.access}"}
        )

    assert answer.status_code == 204
    assert (ask_with(tokens) == 200) == (door == "browser")
    assert is_logged_in(client) == (door == "program")
