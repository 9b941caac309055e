"""What is over is deleted, and nothing else."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session as BrowserRow
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import schedule
from accounts.actions import cleaning
from accounts.actions.sessions import Tokens
from accounts.models import IdempotencyKey, PasswordReset, RefreshToken, Session, Throttle
from audit.models import Entry
from jobs.models import RecurringJob
from tests.accounts.sessions.devices import ask_with, browser, program
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def days_ago(days: float) -> Any:
    return timezone.now() - timedelta(days=days)


def cleaned(**given: Any) -> dict[str, int]:
    totals: dict[str, int] = {}
    for batch in cleaning.clean_up(**given):
        totals[batch.table] = totals.get(batch.table, 0) + batch.rows
    return {table: rows for table, rows in totals.items() if rows}


def session(**fields: Any) -> Tokens:
    tokens = program(make_user())
    Session.objects.filter(pk=tokens.session.pk).update(**fields)
    return tokens


@pytest.mark.parametrize(
    ("days", "kind", "goes"),
    [
        ({}, "api", False),
        ({"last_used_at": 13}, "api", False),
        ({"ended_at": 29}, "api", False),
        ({"ended_at": 31}, "api", True),
        ({"expires_at": 29}, "api", False),
        ({"expires_at": 31}, "api", True),
        ({"last_used_at": 43}, "api", False),
        ({"last_used_at": 45}, "api", True),
        ({"last_used_at": 29}, "browser", False),
        ({"last_used_at": 31}, "browser", True),
    ],
    ids=str,
)
def test_a_session_goes_when_it_has_been_over_for_thirty_days(
    days: dict[str, int], kind: str, goes: bool
) -> None:
    moments = {name: days_ago(count) for name, count in days.items()}
    session(kind=kind, end_reason="logged_out" if "ended_at" in days else "", **moments)

    assert cleaned() == ({"sessions": 1} if goes else {})
    assert Session.objects.exists() != goes
    assert RefreshToken.objects.exists() != goes, "its tokens go with it, and nobody else's"


def test_living_sessions_go_on() -> None:
    person = make_user("viewer")
    client, tokens = browser(person), program(person)
    BrowserRow.objects.create(session_key="x" * 40, session_data="", expire_date=days_ago(0.01))

    assert cleaned() == {"django_session": 1}

    assert ask_with(tokens) == 200
    assert client.get("/").status_code == 200


def test_links_and_traces_of_requests_go_in_their_time() -> None:
    person = make_user()
    for days in (29, 31):
        PasswordReset.objects.create(
            user=person, token_hash=f"{days}", expires_at=days_ago(days - 1), used_at=days_ago(days)
        )
    for age in (0.9, 1.1):
        Throttle.objects.create(scope="x", subject=str(age), window_started_at=days_ago(age))
        IdempotencyKey.objects.create(
            user=person, key=str(age), method="POST", path="/", request_hash="x"
        )
        IdempotencyKey.objects.filter(key=str(age)).update(created_at=days_ago(age))

    assert cleaned() == {"password_resets": 1, "idempotency_keys": 1, "throttles": 1}

    assert PasswordReset.objects.get().token_hash == "29"
    assert IdempotencyKey.objects.get().key == Throttle.objects.get().subject == "0.9"


def test_the_walk_goes_in_batches_until_nothing_is_left() -> None:
    for _ in range(5):
        session(ended_at=days_ago(31), end_reason="revoked")

    batches = [batch.rows for batch in cleaning.clean_up(batch_size=2) if batch.table == "sessions"]

    assert batches == [2, 2, 1]


def test_the_key_of_a_running_request_is_left_alone(administrator: Any) -> None:
    IdempotencyKey.objects.create(
        user=make_user(), key="k", method="POST", path="/", request_hash="x"
    )
    IdempotencyKey.objects.update(created_at=days_ago(2))
    administrator.execute("BEGIN")
    administrator.execute("SELECT FROM idempotency_keys FOR UPDATE")

    assert cleaned() == {}

    administrator.execute("ROLLBACK")
    assert cleaned() == {"idempotency_keys": 1}


def test_a_session_that_goes_is_one_entry_whatever_its_tokens_are() -> None:
    tokens = session(ended_at=days_ago(31), end_reason="revoked")
    for number in range(20):
        RefreshToken.objects.create(
            session=tokens.session,
            user_id=tokens.session.user_id,
            token_hash=f"{number}",
            expires_at=days_ago(1),
        )
    before = Entry.objects.count()

    cleaned()

    assert Entry.objects.count() == before + 1
    entry = Entry.objects.get(action="session.deleted")
    assert entry.resource_id == str(tokens.session.pk)
    assert "lab-script" not in entry.payload


def test_the_command_says_what_it_would_do_and_does_it() -> None:
    session(ended_at=days_ago(8), end_reason="revoked")
    out = io.StringIO()

    call_command("cleanup_sessions", older_than=7, dry_run=True, json=True, stdout=out)
    assert json.loads(out.getvalue())["sessions"] == 1
    assert Session.objects.count() == 1

    out = io.StringIO()
    call_command("cleanup_sessions", older_than=7, stdout=out)
    assert "Deleted 1 of sessions." in out.getvalue()
    assert not Session.objects.exists()


def test_the_schedule_does_it_every_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    session(ended_at=days_ago(31), end_reason="revoked")
    told: list[str] = []
    monkeypatch.setattr(schedule, "report_progress", lambda _, **said: told.append(said["message"]))

    schedule.CLEANUP_SESSIONS.load()(RecurringJob())

    assert told[-1] == "1 deleted"
    assert schedule.CLEANUP_SESSIONS.cron == "23 * * * *"
    assert not Session.objects.exists()


def test_the_oldest_are_found_whatever_the_role_of_the_process_sees() -> None:
    """The web server's own login sees nothing; the walk looks as the system."""
    session(ended_at=days_ago(31), end_reason="revoked")
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE lacuna_app")
        try:
            assert cleaned() == {"sessions": 1}
        finally:
            cursor.execute("SET ROLE lacuna_system")
