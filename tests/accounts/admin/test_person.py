"""The page of one person, and what is done with them."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actions import people, second_factor
from accounts.models import Session, SessionEnd, User
from audit.models import Entry
from tests.accounts.admin.conftest import browser_of
from tests.accounts.admin.scene import (
    PASSWORD,
    door_of,
    lock,
    make_key,
    make_session,
    page_of,
    people_in_every_state,
    with_password,
)
from tests.accounts.second_factor.factors import turn_on
from tests.factories import make_user

OTHER = "copper lantern meadow quartz"


def text_of(client: Client, path: str) -> str:
    page = client.get(path).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2] or page).split())


def done(client: Client, row: User, name: str, **form: str) -> str:
    """Do it, and read what is said of it."""
    return client.post(door_of(row, name), form, follow=True).content.decode()


# --- The page -------------------------------------------------------------------------------------


def test_the_page_says_how_a_person_stands(client: Client, admin: User) -> None:
    ada = people_in_every_state(admin)["ada"]

    page = text_of(client, page_of(ada))

    for said in (
        "Live sessions 2 1 browser, 1 program",
        "API keys 2 2 more that open nothing",
        "One-time codes On 10 recovery codes left",
        "203.0.113.7",
        "curl",
        "Switched off",
        "Withdrawn",
        "One-time codes were turned on",
        "Everything they did",
    ):
        assert said in page, said


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        ("mary", "after 10 failures in a row"),
        ("gone", "Deactivated: they cannot log in"),
        ("bare", "No password: they cannot log in"),
    ],
)
def test_what_keeps_somebody_out_stands_first(
    client: Client, admin: User, who: str, sentence: str
) -> None:
    person = people_in_every_state(admin)[who]

    assert sentence in text_of(client, page_of(person))


def test_the_page_costs_the_same_however_much_there_is(client: Client) -> None:
    person = with_password()
    make_session(person)
    make_key(person)
    client.get(page_of(person))
    with CaptureQueriesContext(connection) as few:
        client.get(page_of(person))
    for number in range(12):
        make_session(person)
        make_key(person, name=f"Key {number}")

    with CaptureQueriesContext(connection) as many:
        page = client.get(page_of(person)).content.decode()

    assert len(few) == len(many)
    assert "All 13 of them" in page


def test_ones_own_page_offers_nothing_that_would_lock_one_out(client: Client, admin: User) -> None:
    page = client.get(page_of(admin)).content.decode()

    assert "This is you." in page
    assert "Deactivate" not in page
    assert "Change role" not in page


# --- Role -----------------------------------------------------------------------------------------


def test_a_role_is_changed_and_ends_the_sessions(client: Client, admin: User) -> None:
    person = with_password("viewer", full_name="Ada")
    session = make_session(person)
    asked = text_of(client, door_of(person, "role"))

    page = done(client, person, "role", role="moderator")

    person.refresh_from_db()
    session.refresh_from_db()
    entry = Entry.objects.get(action="user.role_changed")
    assert "1 live session of theirs ends at once." in asked
    assert "Read who did what." in asked  # what each role may do
    assert "Ada was viewer and is moderator now." in page
    assert (person.role, session.end_reason) == ("moderator", SessionEnd.ROLE_CHANGED)
    assert (entry.actor_id, entry.resource_id) == (admin.pk, str(person.pk))


def test_the_same_role_is_no_change(client: Client) -> None:
    person = make_user("viewer", full_name="Ada")

    assert "Ada is viewer already." in done(client, person, "role", role="viewer")


def test_nobody_changes_their_own_role(client: Client, admin: User) -> None:
    make_user("admin")  # also when there is another one

    page = client.post(door_of(admin, "role"), {"role": "viewer"}).content.decode()

    admin.refresh_from_db()
    assert "You cannot change your own role. Ask another admin to do it." in page
    assert admin.role == "admin"


@pytest.mark.parametrize("role", ["", "owner"])
def test_a_role_that_there_is_not_is_refused(client: Client, role: str) -> None:
    person = make_user("viewer")

    page = client.post(door_of(person, "role"), {"role": role}).content.decode()

    person.refresh_from_db()
    assert "Nothing was changed." in page
    assert person.role == "viewer"


# --- Standing -------------------------------------------------------------------------------------


def test_somebody_is_deactivated_after_the_consequences_were_said(client: Client) -> None:
    person = with_password("viewer", full_name="Ada")
    theirs = browser_of(person)
    make_key(person)
    asked = text_of(client, door_of(person, "deactivate"))
    person.refresh_from_db()
    assert person.is_active  # asking changes nothing

    page = done(client, person, "deactivate")

    person.refresh_from_db()
    assert "1 live session of theirs ends at once." in asked
    assert "1 API key of theirs opens nothing" in asked
    assert "Ada is deactivated. Reactivate them to undo it." in page
    assert not person.is_active
    assert theirs.get("/").status_code == 302


def test_somebody_is_reactivated(client: Client, admin: User) -> None:
    person = make_user("viewer", full_name="Ada")
    people.deactivate(person.pk, by=admin)

    assert "Ada may log in again, as viewer." in done(client, person, "reactivate")
    person.refresh_from_db()
    assert person.is_active


def test_nobody_deactivates_themself(client: Client, admin: User) -> None:
    make_user("admin")

    assert "You cannot deactivate yourself." in done(client, admin, "deactivate")
    admin.refresh_from_db()
    assert admin.is_active


def test_a_lock_is_lifted(client: Client) -> None:
    person = lock(with_password(full_name="Ada"))

    assert "Ada is unlocked" in done(client, person, "unlock")
    person.refresh_from_db()
    assert person.locked_until is None
    assert Entry.objects.filter(action="account.unlocked").count() == 1


@pytest.mark.parametrize("name", ["reactivate", "unlock", "link"])
def test_what_is_done_at_once_is_posted(client: Client, name: str) -> None:
    assert client.get(door_of(make_user(), name)).status_code == 405


def test_all_sessions_of_somebody_are_ended(client: Client) -> None:
    person = with_password(full_name="Ada")
    make_session(person)
    make_session(person, device_name="curl")
    asked = text_of(client, door_of(person, "end-sessions"))

    page = done(client, person, "end-sessions")

    assert "curl" in asked
    assert "2 sessions of Ada ended." in page
    reasons = Session.objects.filter(user=person).values_list("end_reason", flat=True)
    assert set(reasons) == {SessionEnd.REVOKED_BY_ADMIN}


def test_an_admin_who_ends_their_own_sessions_stays(client: Client, admin: User) -> None:
    make_session(admin, device_name="curl")

    done(client, admin, "end-sessions")

    assert client.get("/").status_code == 200
    ended = Session.objects.get(device_name="curl")
    assert ended.end_reason == SessionEnd.REVOKED


# --- What they log in with ------------------------------------------------------------------------


def test_a_password_is_set_by_hand(client: Client) -> None:
    person = with_password(full_name="Ada")
    session = make_session(person)

    page = done(client, person, "password", password1=OTHER, password2=OTHER)

    person.refresh_from_db()
    session.refresh_from_db()
    assert "Ada has a new password." in page
    assert person.check_password(OTHER)
    assert session.end_reason == SessionEnd.PASSWORD_CHANGED


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("short", "short", "at least 8 characters"),
        (OTHER, PASSWORD, "The two passwords are not the same."),
        ("", "", "Type a password."),
    ],
)
def test_a_password_that_will_not_do_is_refused(
    client: Client, first: str, second: str, sentence: str
) -> None:
    person = with_password()

    page = client.post(
        door_of(person, "password"), {"password1": first, "password2": second}
    ).content.decode()

    person.refresh_from_db()
    assert sentence in page
    assert "The password was not changed." in page
    assert person.check_password(PASSWORD)
    assert not first or first not in page


def test_a_password_is_taken_away(client: Client) -> None:
    person = with_password(full_name="Ada")

    assert "Ada has no password any more." in done(
        client, person, "password", **{"unset-password": "1"}
    )
    person.refresh_from_db()
    assert not person.has_usable_password()


def test_a_link_to_a_new_password_is_sent(
    client: Client, django_capture_on_commit_callbacks: object
) -> None:
    person = make_user("viewer", email="ada@example.org")

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator] # a fixture
        page = done(client, person, "link")

    assert "on its way to ada@example.org" in page
    assert [letter.to for letter in mail.outbox] == [["ada@example.org"]]


def test_nobody_who_is_deactivated_is_sent_a_link(client: Client) -> None:
    person = make_user("viewer", is_active=False)

    assert "is deactivated. Reactivate them first." in done(client, person, "link")


def test_ones_own_password_is_changed_elsewhere(client: Client, admin: User) -> None:
    answer = client.get(door_of(admin, "password"))

    assert answer.headers["Location"] == "/password_change/"


def test_a_lost_second_factor_is_turned_off(client: Client) -> None:
    person = with_password(full_name="Ada")
    turn_on(person)
    make_session(person)
    asked = text_of(client, door_of(person, "factor"))
    assert second_factor.is_on(person)  # asking changes nothing

    page = done(client, person, "factor")

    assert "only when you are sure that it is they who ask" in asked
    assert "One-time codes are off for Ada" in page
    assert not second_factor.is_on(person)


def test_a_second_factor_that_is_not_on_is_not_turned_off(client: Client) -> None:
    person = with_password(full_name="Ada")

    page = client.get(door_of(person, "factor"), follow=True).content.decode()

    assert "One-time codes are not on for Ada." in page


def test_nobody_turns_their_own_second_factor_off_here(client: Client, admin: User) -> None:
    turn_on(admin)
    mine = browser_of(admin)

    page = mine.post(door_of(admin, "factor"), follow=True).content.decode()

    assert "turned off with your password and a code" in page
    assert second_factor.is_on(admin)
