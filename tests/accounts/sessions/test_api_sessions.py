"""Logging in with a program, and the list of one's sessions."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import log_in, second_factor
from accounts.actions.sessions import Tokens
from accounts.models import Session, User
from database.actor import acting_as
from tests.accounts.sessions.devices import (
    FIREFOX,
    ME,
    SESSIONS,
    ask_with,
    bearer,
    browser,
    only_session,
    program,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

LOGIN = "/api/v1/auth/login/"
PASSWORD = "a long enough phrase 42"
CODE = "123456"


@pytest.fixture
def person() -> User:
    return User.objects.create_user("grace@example.org", PASSWORD, role="viewer")


def enter(email: str = "grace@example.org", password: str = PASSWORD, **more: Any) -> Any:
    return Client().post(
        LOGIN,
        {"email": email, "password": password, **more},
        content_type="application/json",
        headers={"user-agent": "curl/8.14.1"},
    )


def ask(tokens: Tokens, path: str, method: str = "get") -> Any:
    return getattr(Client(), method)(path, headers=bearer(tokens))


# --- Logging in -----------------------------------------------------------------------------------


def test_the_right_password_gives_tokens_and_a_session(person: User) -> None:
    response = enter(device_name="Grace's laptop")

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    told = response.json()
    assert told["token_type"] == "Bearer"
    assert 0 < told["expires_in"] <= 900
    assert ask_with(told["access_token"]) == 200
    session = only_session()
    assert told["session"] == str(session.pk)
    assert (session.kind, session.device_name) == ("api", "Grace's laptop")
    assert session.ip_address == "127.0.0.1"
    assert not response.cookies


def test_without_a_name_the_device_is_called_after_its_program(person: User) -> None:
    enter()

    assert only_session().device_name == "curl"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("grace@example.org", "wrong " + PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("no address", PASSWORD),
        ("grace@example.org", " " + PASSWORD),
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same(person: User, email: str, password: str) -> None:
    response = enter(email, password)

    assert response.status_code == 401
    told = response.json()
    assert told["type"] == "/api/problems/login-refused"
    assert told["detail"] == log_in.REFUSED
    assert "WWW-Authenticate" in response.headers
    assert not Session.objects.exists()


def test_a_deactivated_person_gets_the_same_answer(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)

    assert enter().json()["detail"] == log_in.REFUSED


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "grace@example.org"},
        {"email": "grace@example.org", "password": ""},
        {"email": ["a"], "password": PASSWORD},
        {"email": "a" * 300, "password": PASSWORD},
        {"email": "grace@example.org", "password": "x" * 1001},
        {"email": "grace@example.org", "password": PASSWORD, "device_name": "x" * 201},
    ],
    ids=str,
)
def test_a_body_that_is_none_is_told_by_its_field(person: User, body: dict[str, Any]) -> None:
    response = Client().post(LOGIN, body, content_type="application/json")

    assert response.status_code == 400
    assert response.json()["errors"]


@pytest.fixture
def with_factor(person: User, monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody with a second factor, whose code is always the same."""
    monkeypatch.setattr(second_factor, "is_on", lambda user: user.pk == person.pk)
    monkeypatch.setattr(second_factor, "verify", lambda _, code: code == CODE)
    return person


def test_a_code_is_asked_for_when_the_password_was_right(with_factor: User) -> None:
    response = enter()

    assert response.status_code == 401
    told = response.json()
    assert told["type"] == "/api/problems/second-factor-needed"
    assert with_factor.email not in response.content.decode()
    assert not Session.objects.exists()


def test_before_the_password_is_right_nothing_is_told_of_a_second_factor(
    with_factor: User,
) -> None:
    without, with_code = enter(password="wrong"), enter(password="wrong", code=CODE)

    for response in (without, with_code):
        assert response.json()["type"] == "/api/problems/login-refused"
        assert response.json()["detail"] == log_in.REFUSED


def test_the_right_code_is_noted_with_the_session(with_factor: User) -> None:
    assert enter(code=CODE).status_code == 200

    assert only_session().has_second_factor is True


def test_a_wrong_code_begins_nothing(with_factor: User) -> None:
    response = enter(code="654321")

    assert response.status_code == 401
    assert response.json()["type"] == "/api/problems/login-refused"
    assert not Session.objects.exists()


def test_staff_that_must_have_a_second_factor_set_it_up_first(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_factor, "is_demanded", lambda _: True)

    response = enter()

    assert response.status_code == 403
    assert response.json()["type"] == "/api/problems/second-factor-required"
    assert not Session.objects.exists()


def test_an_address_that_tries_too_often_has_to_wait(person: User, settings: Any) -> None:
    settings.LOGIN_ATTEMPTS_PER_ADDRESS = 2
    answers = [enter(password="wrong") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert answers[-1].json()["type"] == "/api/problems/too-many-requests"


def test_strangers_are_counted_at_every_public_address(settings: Any) -> None:
    counted: list[str] = []
    settings.API_THROTTLE_STORE = f"{__name__}.counting"
    counting.seen = counted  # type: ignore[attr-defined]

    for path in ("login", "refresh"):
        Client().post(f"/api/v1/auth/{path}/", {}, content_type="application/json")
    Client().get("/api/v1/auth/keys/")

    assert counted == ["anonymous 127.0.0.1", "refresh 127.0.0.1", "anonymous 127.0.0.1"]


def counting(scope: str, subject: str, *, most: int, seconds: int) -> int:
    """Notes who was counted."""
    counting.seen.append(f"{scope} {subject}")  # type: ignore[attr-defined]
    return 0


# --- Who one is -----------------------------------------------------------------------------------


def test_somebody_learns_who_they_are_and_what_they_may_do(person: User) -> None:
    tokens = program(person)

    told = ask(tokens, ME).json()

    assert (told["id"], told["email"]) == (str(person.pk), person.email)
    assert told["session"] == str(tokens.session.pk)
    assert "imaging.view_image" in told["permissions"]
    assert "accounts.view_user" not in told["permissions"]
    assert told["second_factor"] is False
    assert "accounts.view_user" in ask(program(make_user("admin")), ME).json()["permissions"]


def test_a_browser_s_session_opens_the_api_and_changes_need_the_csrf_token(person: User) -> None:
    client = Client(enforce_csrf_checks=True, headers={"user-agent": FIREFOX})
    client.force_login(person)

    assert client.get(ME).json()["session"] == str(only_session().pk)
    assert client.post("/api/v1/auth/logout/").status_code == 403
    assert only_session().ended_at is None


def test_a_browser_whose_session_ended_is_a_stranger_to_the_api(person: User) -> None:
    client = browser(person)
    Session.objects.update(ended_at=timezone.now(), end_reason="revoked")

    assert client.get(ME).status_code == 401


def test_a_browser_s_session_is_no_program_s(person: User) -> None:
    """The row of a browser cannot be named by an access token."""
    browser(person)
    tokens = program(person)
    Session.objects.filter(pk=tokens.session.pk).update(kind="browser")

    assert ask_with(tokens) == 401


def test_a_request_with_a_token_reads_session_and_person_in_one_query(
    person: User,
) -> None:
    tokens = program(person)
    with CaptureQueriesContext(connection) as asked:
        ask(tokens, SESSIONS)

    read = [query["sql"] for query in asked if 'JOIN "users"' in query["sql"]]
    assert len(read) == 1
    assert not [query for query in asked if query["sql"].startswith("UPDATE")]


# --- The list -------------------------------------------------------------------------------------


def test_one_sees_ones_own_sessions_and_which_is_this_one(person: User) -> None:
    """ASVS 7.5.2: where one is logged in."""
    here, there = program(person, device_name="here"), program(person, device_name="there")
    program(make_user("viewer"), device_name="somebody else's")

    shown = ask(here, SESSIONS).json()["results"]

    assert [session["device_name"] for session in shown] == ["there", "here"]
    assert [session["is_current"] for session in shown] == [False, True]
    assert [session["is_live"] for session in shown] == [True, True]
    text = str(shown)
    for secret in (here.access, here.refresh, there.refresh, "hash"):
        assert secret not in text


@pytest.mark.parametrize("role", ["viewer", "analyst", "moderator", "api_user"])
def test_nobody_sees_or_ends_the_sessions_of_others(role: str) -> None:
    mine, other = program(make_user(role)), program(make_user("viewer"))

    assert ask(mine, f"{SESSIONS}?user={other.session.user_id}").status_code == 403
    assert ask(mine, f"{SESSIONS}{other.session.pk}/").status_code == 404
    assert ask(mine, f"{SESSIONS}{other.session.pk}/", "delete").status_code == 404
    assert ask_with(other) == 200


def test_an_admin_sees_and_ends_the_sessions_of_others(person: User) -> None:
    admin, other = program(make_user("admin")), program(person)

    own = ask(admin, SESSIONS).json()["results"]
    others = ask(admin, f"{SESSIONS}?user={person.pk}").json()["results"]

    assert [session["id"] for session in own] == [str(admin.session.pk)]
    assert [session["id"] for session in others] == [str(other.session.pk)]
    assert ask(admin, f"{SESSIONS}{other.session.pk}/", "delete").status_code == 204
    assert ask_with(other) == 401
    other.session.refresh_from_db()
    assert other.session.end_reason == "revoked_by_admin"


def test_one_session_is_ended_alone(person: User) -> None:
    here, there = program(person), program(person)

    assert ask(here, f"{SESSIONS}{there.session.pk}/", "delete").status_code == 204
    assert ask(here, f"{SESSIONS}{there.session.pk}/", "delete").status_code == 204, "over already"

    assert (ask_with(here), ask_with(there)) == (200, 401)
    there.session.refresh_from_db()
    assert there.session.end_reason == "revoked"
    assert ask(here, f"{SESSIONS}{there.session.pk}/").json()["is_live"] is False


def test_all_others_are_ended_at_once(person: User) -> None:
    here, others = program(person), [program(person), browser(person)]

    assert ask(here, SESSIONS, "delete").json() == {"ended": 2}

    assert ask_with(here) == 200
    assert Session.objects.filter(ended_at=None).count() == 1
    assert others


def test_the_list_tells_the_living_from_the_others(person: User) -> None:
    here, unused, expired = program(person), program(person), program(person)
    now = timezone.now()
    Session.objects.filter(pk=unused.session.pk).update(last_used_at=now - timedelta(days=15))
    Session.objects.filter(pk=expired.session.pk).update(expires_at=now - timedelta(seconds=1))

    live = ask(here, f"{SESSIONS}?live=true").json()["results"]
    over = ask(here, f"{SESSIONS}?live=false").json()["results"]

    assert [session["id"] for session in live] == [str(here.session.pk)]
    assert {session["id"] for session in over} == {
        str(unused.session.pk),
        str(expired.session.pk),
    }
    assert {session["is_live"] for session in over} == {False}


@pytest.mark.parametrize("query", ["?userr=1", "?user=1", "?live=maybe", "?kind=ship", "?limit=0"])
def test_a_wrong_parameter_is_refused_by_name(query: str) -> None:
    assert ask(program(make_user("admin")), SESSIONS + query).status_code == 400


def test_a_session_that_is_none_is_not_found(person: User) -> None:
    assert ask(program(person), f"{SESSIONS}{uuid.uuid4()}/", "delete").status_code == 404


def test_a_changed_session_has_another_etag(person: User) -> None:
    here, there = program(person), program(person)
    path = f"{SESSIONS}{there.session.pk}/"
    first = ask(here, path).headers["ETag"]

    ask(here, path, "delete")

    assert ask(here, path).headers["ETag"] != first


def test_rows_are_confined_to_their_person(person: User) -> None:
    tokens, other = program(person), make_user("viewer")

    with acting_as(other.pk):
        assert not Session.objects.exists()
    with acting_as(person.pk):
        assert Session.objects.get().pk == tokens.session.pk
    with acting_as(None):
        assert not Session.objects.exists()
