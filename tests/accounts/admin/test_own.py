"""Your account: everybody's own sessions, keys, name and way to log in."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import RecoveryCode, Session, SessionEnd, User
from tests.accounts.admin.conftest import browser_of
from tests.accounts.admin.scene import ACCOUNT, make_key, make_session, with_password
from tests.accounts.second_factor.factors import turn_on
from tests.factories import make_user


@pytest.fixture
def ada(db: None) -> User:
    return with_password("analyst", full_name="Ada Lovelace", email="ada@example.org")


@pytest.fixture
def own(ada: User) -> Client:
    return browser_of(ada)


def text_of(client: Client, path: str = ACCOUNT) -> str:
    page = client.get(path).content.decode().partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.parametrize("role", ["admin", "moderator", "analyst", "viewer"])
def test_everybody_who_uses_the_pages_has_an_account_page(db: None, role: str) -> None:
    client = browser_of(with_password(role))

    assert 'href="/account/"' in client.get("/").content.decode()
    assert "You are here" in text_of(client)


def test_programs_and_strangers_have_none(db: None) -> None:
    for client in (Client(), browser_of(make_user("api_user"))):
        assert client.get(ACCOUNT)["Location"].startswith("/login/")


def test_it_shows_what_is_ones_own_and_nothing_else(ada: User, own: Client) -> None:
    make_session(ada, device_name="Telescope")
    make_key(ada, name="Mine")
    other = with_password("viewer")
    make_session(other, device_name="Somebody else's")
    make_key(other, name="Theirs")

    page = text_of(own)

    for said in ("2 places", "Telescope", "Mine", "Ada Lovelace", "ada@example.org", "Analyst:"):
        assert said in page, said
    for unsaid in ("Somebody else", "Theirs"):
        assert unsaid not in page, unsaid


def test_it_says_how_one_logs_in(ada: User, own: Client) -> None:
    assert "One-time codes off" in text_of(own)

    turn_on(ada)
    RecoveryCode.objects.filter(user=ada, pk__in=_some_codes(ada, 8)).delete()

    page = text_of(browser_of(ada))
    assert "One-time codes On 2 recovery codes left" in page
    assert "New codes, or turn off" in page


def _some_codes(person: User, count: int) -> list[UUID]:
    return list(RecoveryCode.objects.filter(user=person).values_list("pk", flat=True)[:count])


def test_it_says_what_the_role_lets_one_do(own: Client) -> None:
    page = text_of(own)

    assert "Uploads images" in page
    assert "Read who did what." not in page, "analysts do not read the audit log"


def test_the_page_costs_the_same_however_much_there_is(ada: User, own: Client) -> None:
    make_session(ada)
    make_key(ada)
    own.get(ACCOUNT)
    with CaptureQueriesContext(connection) as few:
        own.get(ACCOUNT)
    for number in range(5):
        make_session(ada)
        make_key(ada, name=f"Key {number}")

    with CaptureQueriesContext(connection) as many:
        own.get(ACCOUNT)

    assert len(few) == len(many)


def test_ones_own_name_is_changed(ada: User, own: Client) -> None:
    page = own.post(f"{ACCOUNT}name/", {"full_name": "Ada King"}, follow=True).content.decode()

    ada.refresh_from_db()
    assert "Your name was changed." in page
    assert ada.full_name == "Ada King"


def test_a_name_is_not_taken_away(ada: User, own: Client) -> None:
    page = own.post(f"{ACCOUNT}name/", {"full_name": " "}).content.decode()

    ada.refresh_from_db()
    assert "Nothing was changed." in page
    assert ada.full_name == "Ada Lovelace"


def test_all_other_sessions_are_ended_after_a_question(ada: User, own: Client) -> None:
    make_session(ada, device_name="Telescope")
    asked = text_of(own, f"{ACCOUNT}sessions/")
    assert "You stay logged in here." in asked
    assert "Telescope" in asked

    page = own.post(f"{ACCOUNT}sessions/", follow=True).content.decode()

    assert "1 session was ended. You are logged in here alone." in page
    ended = Session.objects.exclude(ended_at=None).get()
    assert (ended.device_name, ended.end_reason) == ("Telescope", SessionEnd.REVOKED)


def test_one_of_ones_own_sessions_is_ended(ada: User, own: Client) -> None:
    session = make_session(ada, device_name="Telescope")

    answer = own.post(f"/accounts/session/{session.pk}/end/", follow=True)

    session.refresh_from_db()
    assert answer.redirect_chain[-1][0] == ACCOUNT
    assert "Telescope is logged out." in answer.content.decode()
    assert session.end_reason == SessionEnd.REVOKED


def test_where_there_is_no_other_session_none_can_be_ended(own: Client) -> None:
    assert "End all others" not in text_of(own)
