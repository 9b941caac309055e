"""What OWASP ASVS 5.0 demands of sessions (V7), each with an example.

V7.6 is about federated log-in, of which there is none here, but for 7.6.2.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.actions import sessions
from accounts.browser_sessions import SessionStore
from accounts.models import Session, SessionEnd, User
from accounts.tokens import opaque
from database.actor import acting_as
from tests.accounts.sessions.devices import (
    SESSIONS,
    ask_with,
    bearer,
    browser,
    is_logged_in,
    key_of,
    program,
    refresh_with,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a long enough phrase 42"
DOCUMENT = Path(project.BASE_DIR) / "docs" / "sessions.md"


@pytest.fixture
def person() -> User:
    return User.objects.create_user("grace@example.org", PASSWORD, role="viewer")


# --- 7.1 Documentation ----------------------------------------------------------------------------


def test_the_lengths_of_sessions_are_documented_as_they_are() -> None:
    """ASVS 7.1.1, with the reason for what deviates from NIST SP 800-63B."""
    text = DOCUMENT.read_text()

    assert (
        f"| browser | {project.SESSION_IDLE_HOURS} hours | {project.SESSION_MAX_DAYS} days |"
        in text
    )
    assert f"{project.REFRESH_IDLE_DAYS} days | {project.REFRESH_MAX_DAYS} days |" in text
    assert f"{project.ACCESS_TOKEN_MINUTES} minutes | `ACCESS_TOKEN_MINUTES` |" in text
    assert "NIST SP 800-63B" in text


def test_the_number_of_sessions_and_other_systems_are_documented() -> None:
    """ASVS 7.1.2 and 7.1.3."""
    text = " ".join(DOCUMENT.read_text().split())

    assert "A person may have any number of sessions at the same time" in text
    assert "There is no single sign-on" in text


def test_as_documented_a_person_may_have_many_sessions(person: User) -> None:
    """ASVS 7.1.2."""
    many = [program(person) for _ in range(5)]

    assert {ask_with(tokens) for tokens in many} == {200}


# --- 7.2 Fundamentals -----------------------------------------------------------------------------


def test_a_session_is_verified_here_and_nowhere_else(person: User) -> None:
    """ASVS 7.2.1: what a client says of itself changes nothing."""
    client = browser(person)
    client.cookies["user"] = "admin"
    Session.objects.update(ended_at=timezone.now(), end_reason="revoked")

    assert not is_logged_in(client)


def test_each_log_in_makes_its_own_tokens(person: User) -> None:
    """ASVS 7.2.2."""
    one, other = program(person), program(person)

    assert one.access != other.access
    assert one.refresh != other.refresh
    assert key_of(browser(person)) != key_of(browser(person))


def test_reference_tokens_are_unique_and_random_enough() -> None:
    """ASVS 7.2.3: 128 bits at least; these have 165 and 256, from the operating system."""
    keys = [SessionStore()._get_new_session_key() for _ in range(200)]  # type: ignore[attr-defined]
    tokens = [opaque.new_refresh_token() for _ in range(200)]

    assert len(set(keys)) == len(set(tokens)) == 200
    assert {len(key) for key in keys} == {32}
    assert {len(token) for token in tokens} == {4 + 43}
    for texts, letters in ((keys, 36), ([token[4:] for token in tokens], 64)):
        assert len(set("".join(texts))) == letters, "every sign occurs"


def test_logging_in_again_gives_a_new_token_and_ends_the_one_before(person: User) -> None:
    """ASVS 7.2.4."""
    client = browser(person)
    before = key_of(client)

    client.force_login(person)
    after = key_of(client)
    again = Client()
    again.cookies["sessionid"] = before

    assert before != after
    assert is_logged_in(client)
    assert not is_logged_in(again)


# --- 7.3 Time -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "idle"), [("browser", timedelta(hours=12)), ("program", timedelta(days=14))]
)
def test_a_session_that_is_not_used_ends(person: User, kind: str, idle: timedelta) -> None:
    """ASVS 7.3.1."""
    client, tokens = browser(person), program(person)

    def works() -> bool:
        return is_logged_in(client) if kind == "browser" else ask_with(tokens) == 200

    Session.objects.update(last_used_at=timezone.now() - idle + timedelta(minutes=2))
    assert works()
    Session.objects.update(last_used_at=timezone.now() - idle - timedelta(minutes=1))
    assert not works()


def test_a_session_that_is_always_used_ends_too(person: User) -> None:
    """ASVS 7.3.2: a refresh does not prolong the session."""
    client, tokens = browser(person), program(person)
    ends = list(Session.objects.order_by("pk").values_list("expires_at", flat=True))
    is_logged_in(client)
    newer = refresh_with(tokens.refresh).json()
    assert list(Session.objects.order_by("pk").values_list("expires_at", flat=True)) == ends

    Session.objects.update(expires_at=timezone.now())

    assert not is_logged_in(client)
    assert ask_with(newer["access_token"]) == 401
    assert refresh_with(newer["refresh_token"]).status_code == 401


# --- 7.4 Ends -------------------------------------------------------------------------------------


def test_after_a_log_out_nothing_of_the_session_works(person: User) -> None:
    """ASVS 7.4.1: the access token, which has a quarter of an hour left, neither."""
    tokens = program(person)

    Client().post("/api/v1/auth/logout/", headers=bearer(tokens))

    assert ask_with(tokens) == 401
    assert refresh_with(tokens.refresh).status_code == 401


def test_whoever_is_deactivated_or_deleted_is_logged_out_everywhere(person: User) -> None:
    """ASVS 7.4.2."""
    other = make_user("viewer")
    clients, programs = [browser(person), browser(other)], [program(person), program(other)]

    User.objects.filter(pk=person.pk).update(is_active=False)
    User.objects.filter(pk=other.pk).delete()

    assert not any(is_logged_in(client) for client in clients)
    assert {ask_with(tokens) for tokens in programs} == {401}


def test_a_new_password_ends_all_other_sessions(person: User) -> None:
    """ASVS 7.4.3: not an option but what happens."""
    client, tokens = browser(person), program(person)
    person.set_password("another long phrase 43")
    person.save()

    assert not is_logged_in(client)
    assert ask_with(tokens) == 401


def test_every_page_offers_to_log_out(person: User) -> None:
    """ASVS 7.4.4."""
    page = browser(person).get("/").content.decode()

    assert 'action="/logout/"' in page


def test_an_admin_ends_the_sessions_of_one_person(person: User) -> None:
    """ASVS 7.4.5."""
    admin, tokens = make_user("admin"), program(person)

    with acting_as(admin.pk):
        assert sessions.end_all(person, by=admin, reason=SessionEnd.REVOKED_BY_ADMIN) == 1

    assert ask_with(tokens) == 401


# --- 7.5 Against abuse ----------------------------------------------------------------------------


def test_one_sees_and_ends_ones_sessions(person: User) -> None:
    """ASVS 7.5.2, but for asking for a factor again: docs/sessions.md says why."""
    here, lost = program(person), program(person, device_name="lost")
    listed = Client().get(SESSIONS, headers=bearer(here)).json()["results"]

    assert [session["device_name"] for session in listed if not session["is_current"]] == ["lost"]
    Client().delete(f"{SESSIONS}{lost.session.pk}/", headers=bearer(here))
    assert ask_with(lost) == 401
    assert "Ending asks for no password" in DOCUMENT.read_text()


@pytest.mark.parametrize("path", ["/", "/login/", "/api/v1/auth/keys/", "/api/v1/auth/me/"])
def test_no_session_begins_without_somebody_logging_in(person: User, path: str) -> None:
    """ASVS 7.6.2."""
    Client().get(path, {"email": person.email, "password": PASSWORD})

    assert not Session.objects.exists()


def test_what_is_over_does_not_stay_for_ever(person: User) -> None:
    """ASVS 7.4.1: neither the row nor Django's."""
    program(person)
    Session.objects.update(ended_at=timezone.now() - timedelta(days=31), end_reason="revoked")

    call_command("cleanup_sessions", stdout=_Silent())

    assert not Session.objects.exists()


class _Silent:
    """Where a command's words go that nobody reads."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> Any:
        return None
