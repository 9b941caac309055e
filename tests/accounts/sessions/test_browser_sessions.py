"""Browsers: a row for each log-in, a key that only the cookie holds, an end in time."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as project
from django.contrib.auth import update_session_auth_hash
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.contrib.sessions.models import Session as BrowserRow
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from accounts.actions import sessions
from accounts.browser_sessions import SessionStore
from accounts.models import Session, SessionEnd, User
from accounts.tokens.opaque import browser_key_hash
from audit.models import Entry
from tests.accounts.sessions.devices import (
    FIREFOX,
    browser,
    browser_rows,
    is_logged_in,
    key_of,
    only_session,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough phrase 42"


@pytest.fixture
def person() -> User:
    return User.objects.create_user("grace@example.org", PASSWORD, role="viewer")


def log_in(client: Client, person: User) -> Any:
    return client.post(
        "/login/", {"username": person.email, "password": PASSWORD}, headers={"user-agent": FIREFOX}
    )


def request_of(client: Client) -> HttpRequest:
    """A request as the browser would make it, for what needs one."""
    request = HttpRequest()
    request.session = SessionStore(key_of(client))
    return request


def test_a_log_in_is_a_row_with_the_device_and_where_it_was(person: User) -> None:
    client = Client()

    assert log_in(client, person).status_code == 302

    session = only_session()
    assert session.user_id == person.pk
    assert (session.kind, session.device_name) == ("browser", "Firefox on Linux")
    assert (session.ip_address, session.user_agent) == ("127.0.0.1", FIREFOX)
    assert session.has_second_factor is False
    assert abs(session.expires_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert User.objects.get(pk=person.pk).last_login_at is not None


def test_a_log_in_is_one_entry_about_the_session(person: User) -> None:
    log_in(Client(), person)

    entry = Entry.objects.get(action="session.started")
    assert (entry.actor_id, entry.resource_type) == (person.pk, "session")
    assert entry.resource_id == str(only_session().pk)
    assert entry.details == {"kind": "browser", "has_second_factor": False}
    assert (entry.ip_address, entry.user_agent) == ("127.0.0.1", FIREFOX)
    assert "127.0.0.1" not in entry.payload
    assert "Firefox" not in entry.payload


def test_the_database_holds_the_hash_of_the_key_alone(person: User) -> None:
    """ASVS 7.2.3: the key itself has 165 bits from the operating system."""
    client = Client()
    log_in(client, person)
    key = key_of(client)

    assert len(key) == 32
    assert only_session().browser_key_hash == browser_key_hash(key)
    assert browser_rows() == [browser_key_hash(key)]
    assert len(browser_key_hash(key)) == 40


def test_the_hash_from_the_database_opens_nothing(person: User) -> None:
    log_in(Client(), person)
    thief = Client()
    thief.cookies["sessionid"] = browser_rows()[0]

    assert not is_logged_in(thief)


def test_each_log_in_has_a_new_key_and_the_old_one_opens_nothing(person: User) -> None:
    """ASVS 7.2.4: no fixation, also when the same person logs in again."""
    client = Client()
    client.cookies["sessionid"] = "a" * 32  # planted
    log_in(client, person)
    first = key_of(client)

    sessions.start_browser(request_of(client), person, has_second_factor=False)

    thief = Client()
    thief.cookies["sessionid"] = first
    assert first != "a" * 32
    assert not is_logged_in(thief)
    reasons = Session.objects.order_by("pk").values_list("end_reason", flat=True)
    assert list(reasons) == [SessionEnd.REPLACED, ""]


def test_somebody_else_in_the_same_browser_ends_the_session_before(person: User) -> None:
    other = make_user("viewer")
    client = browser(other)

    request = request_of(client)
    sessions.start_browser(request, person, has_second_factor=True)

    assert Session.objects.get(user=other).end_reason == SessionEnd.REPLACED
    assert Session.objects.get(user=person).has_second_factor is True
    assert "_auth_user_id" in request.session


def test_a_key_that_is_renewed_takes_the_session_along(person: User) -> None:
    client = browser(person)
    request = request_of(client)
    before = key_of(client)

    request.user = person
    update_session_auth_hash(request, person)  # renews the key
    request.session.save()

    after = request.session.session_key or ""
    assert after != before
    assert only_session().browser_key_hash == browser_key_hash(after)
    assert browser_rows() == [browser_key_hash(after)]
    client.cookies["sessionid"] = after
    assert is_logged_in(client)
    client.cookies["sessionid"] = before
    assert not is_logged_in(client)


@pytest.mark.parametrize(
    "key", ["", "x", "a" * 32, "\x00" * 32, "é" * 20, "\ud800" * 9, "a" * 5000]
)
def test_a_key_that_nobody_has_is_given_up(key: str) -> None:
    store = SessionStore(key)

    assert store.load() == {}
    assert store.session_key is None
    assert not store.exists(key)
    store.delete(key)
    store.flush()


def test_what_a_stranger_keeps_is_kept_under_a_hash_too() -> None:
    store = SessionStore()
    store["step"] = 1
    store.save()

    assert browser_rows() == [browser_key_hash(store.session_key or "")]
    assert SessionStore(store.session_key)["step"] == 1
    store.cycle_key()
    assert SessionStore(store.session_key)["step"] == 1
    store.delete()
    assert browser_rows() == []
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_whoever_has_an_event_loop_gets_the_same() -> None:
    async def life() -> list[Any]:
        store = SessionStore()
        store["step"] = 1
        await store.asave()
        key = store.session_key or ""
        seen = [await store.aexists(key), await SessionStore(key).aget("step")]
        await store.acycle_key()
        seen += [await store.aexists(key), await SessionStore(store.session_key).aget("step")]
        await store.aflush()
        return seen

    assert async_to_sync(life)() == [True, 1, False, 1]
    assert browser_rows() == []


# --- Time -----------------------------------------------------------------------------------------


def used(**ago: int) -> None:
    Session.objects.update(last_used_at=timezone.now() - timedelta(**ago))


def test_a_browser_is_logged_out_after_twelve_hours_without_use(person: User) -> None:
    """ASVS 7.3.1."""
    client = browser(person)
    used(hours=11, minutes=59)
    assert is_logged_in(client)

    used(hours=12, minutes=1)

    assert not is_logged_in(client)
    assert browser_rows() == []
    used(minutes=0)
    assert not is_logged_in(client), "what was forgotten does not come back"


def test_a_browser_is_logged_out_after_seven_days_however_much_it_is_used(person: User) -> None:
    """ASVS 7.3.2."""
    client = browser(person)
    assert is_logged_in(client)

    Session.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert not is_logged_in(client)


def test_django_s_own_row_ends_with_the_session_and_not_before(person: User) -> None:
    client = browser(person)
    session = client.session
    session["something"] = 1
    session.save()

    row = BrowserRow.objects.get()
    assert abs(row.expire_date - only_session().expires_at) < timedelta(seconds=1)


def test_the_last_use_is_noted_once_a_minute(person: User, django_assert_num_queries: Any) -> None:
    client = browser(person)
    used(minutes=5)
    noted_before = only_session().last_used_at

    is_logged_in(client)
    noted = only_session().last_used_at
    is_logged_in(client)

    assert noted - noted_before > timedelta(minutes=4)
    assert only_session().last_used_at == noted
    assert Entry.objects.filter(action="session.updated").count() == 0


@pytest.mark.django_db(transaction=True)
def test_noting_a_use_does_not_wait_for_whoever_holds_the_row(
    administrator: Any,
) -> None:
    session = sessions.start_api(
        make_user(), device_name="", user_agent="", address="", has_second_factor=False
    ).session
    used(minutes=5)
    session.refresh_from_db()
    administrator.execute("BEGIN")
    administrator.execute("SELECT FROM sessions FOR UPDATE")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")

    sessions.touch(session)

    assert only_session().last_used_at == session.last_used_at
    administrator.execute("ROLLBACK")
    sessions.touch(session, address="192.0.2.99")
    assert only_session().last_used_at > session.last_used_at
    assert only_session().ip_address == "192.0.2.99"


@pytest.mark.django_db(transaction=True)
def test_a_request_that_ends_after_its_session_does_not_bring_it_back(person: User) -> None:
    """Logged out in another tab while this one was still being answered."""
    client = browser(person)
    store = SessionStore(key_of(client))
    store["seen"] = True

    sessions.end(only_session().pk, by=person, reason=SessionEnd.REVOKED)

    with pytest.raises(UpdateError):
        store.save()
    assert browser_rows() == []


# --- Pages ----------------------------------------------------------------------------------------


def test_a_request_knows_its_session_and_costs_one_query_more(
    person: User, django_assert_num_queries: Any
) -> None:
    client = browser(person)
    response = client.get("/")

    assert vars(response.wsgi_request)["browser_session"] == only_session()
    with connection.execute_wrapper(count := Counter()):
        client.get("/api/v1/auth/keys/")
    asked = [statement for statement in count.seen if '"sessions"' in statement]
    assert len(asked) == 1


class Counter:
    """The statements that were run."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen.append(sql)
        return execute(sql, params, many, context)


def test_a_page_for_strangers_looks_for_no_session() -> None:
    with connection.execute_wrapper(count := Counter()):
        Client().get("/login/")

    assert not [statement for statement in count.seen if '"sessions"' in statement]


def test_an_ended_browser_is_shown_the_way_to_the_log_in_page(person: User) -> None:
    client = browser(person)
    Session.objects.update(ended_at=timezone.now(), end_reason="revoked")

    response = client.get("/")

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login/")


def test_the_cookie_is_for_this_site_over_http_alone(person: User) -> None:
    client = Client()
    response = log_in(client, person)

    cookie = response.cookies["sessionid"]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""


def test_with_https_the_cookies_are_bound_to_the_host(tmp_path: Path) -> None:
    code = (
        "from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
        " s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_DOMAIN, s.SESSION_COOKIE_PATH)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.BASE_DIR,
        env={
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LACUNA_HOME": str(tmp_path),
            "HTTPS": "on",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.strip() == "__Host-sessionid __Host-csrftoken True True None /"


@pytest.mark.parametrize("path", ["/?username=grace@example.org&password=x", "/login/?next=/"])
def test_looking_at_a_page_begins_no_session(person: User, path: str) -> None:
    """ASVS 7.6.2: a session begins with what somebody does, not with a link."""
    Client().get(path)

    assert not Session.objects.exists()


def test_a_table_that_takes_no_session_is_a_fault_and_not_an_endless_search_for_a_key(
    person: User, administrator: psycopg.Connection[tuple[Any, ...]]
) -> None:
    administrator.execute("ALTER TABLE django_session ADD CONSTRAINT never CHECK (false) NOT VALID")
    try:
        with pytest.raises(CreateError):
            log_in(Client(), person)
    finally:
        administrator.execute("ALTER TABLE django_session DROP CONSTRAINT never")
