"""The list of people, adding somebody, and their name and address."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import roles
from accounts.actions import people
from accounts.models import User
from tests.accounts.admin.conftest import browser_of
from tests.accounts.admin.scene import (
    PASSWORD,
    PEOPLE,
    door_of,
    fields_of,
    invite,
    lock,
    make_key,
    make_session,
    page_of,
    people_in_every_state,
    with_password,
)
from tests.factories import make_user


def new(**fields: Any) -> dict[str, Any]:
    return {
        "email": "grace@example.org",
        "full_name": "Grace",
        "role": "analyst",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    } | fields


def rows(client: Client, query: str = "") -> dict[str, str]:
    """The rows of the list by name, as text."""
    page = client.get(PEOPLE + query).content.decode()
    found = re.findall(r"<tr data-row>(.*?)</tr>", page, re.DOTALL)
    texts = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]
    names = [re.search(r'<th class="field-name"><a[^>]*>([^<]*)', row) for row in found]
    return {name[1]: text for name, text in zip(names, texts, strict=True) if name}


# --- The list -------------------------------------------------------------------------------------


def test_the_list_says_how_everybody_stands(client: Client, admin: User) -> None:
    people_in_every_state(admin)

    found = rows(client)

    assert "active" in found["Ada Lovelace"]
    assert re.search(r" on 2 ", found["Ada Lovelace"])
    assert "Locked until" in found["Mary Somerville"]
    assert "Deactivated" in found["Charles Babbage"]
    assert "No password" in found["somebody.with.a.long.name@example.org"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?access=locked", {"Mary Somerville"}),
        ("?access=deactivated", {"Charles Babbage"}),
        ("?access=no-password", {"somebody.with.a.long.name@example.org"}),
        ("?access=active", {"Ada Lovelace", "Grace Hopper"}),
        ("?codes=on", {"Ada Lovelace"}),
        ("?codes=off&access=active", {"Grace Hopper"}),
        ("?role__exact=moderator", {"Charles Babbage"}),
        ("?access=perhaps&codes=on", {"Ada Lovelace"}),
    ],
)
def test_the_list_is_narrowed(client: Client, admin: User, query: str, names: set[str]) -> None:
    people_in_every_state(admin)

    assert rows(client, query).keys() == names


def test_a_lock_that_is_over_does_not_count(client: Client) -> None:
    lock(with_password(full_name="Mary Somerville"), minutes=-1)

    assert "Mary Somerville" not in rows(client, "?access=locked")
    assert "active" in rows(client)["Mary Somerville"]


def test_locked_accounts_are_counted_in_the_navigation(client: Client) -> None:
    assert "locked accounts" not in client.get("/").content.decode()

    lock(with_password())

    assert 'title="1 locked accounts"' in client.get("/").content.decode()


def test_the_count_is_nobody_elses_business(client: Client) -> None:
    lock(with_password())

    assert "locked accounts" not in browser_of(make_user("viewer")).get("/").content.decode()


def test_the_list_tells_of_those_who_are_invited(client: Client, admin: User) -> None:
    assert "invited and not here yet" not in client.get(PEOPLE).content.decode()

    invite(admin)

    assert "1 person is invited and not here yet" in client.get(PEOPLE).content.decode()


def test_the_list_costs_the_same_however_much_belongs_to_people(client: Client) -> None:
    person = with_password()
    client.get(PEOPLE)
    with CaptureQueriesContext(connection) as few:
        client.get(PEOPLE)
    for _ in range(3):
        make_session(person)
        make_key(person)
        make_session(make_user())

    with CaptureQueriesContext(connection) as many:
        client.get(PEOPLE)

    assert len(few) == len(many)


def test_groups_have_no_page(client: Client) -> None:
    assert client.get("/auth/group/").status_code == 404


# --- Adding ---------------------------------------------------------------------------------------


def test_a_person_is_added_with_a_password(client: Client) -> None:
    client.post(f"{PEOPLE}add/", new())

    person = User.objects.get(email="grace@example.org")
    assert person.role == "analyst"
    assert person.check_password(PASSWORD)


def test_a_person_is_added_without_a_password(client: Client) -> None:
    client.post(f"{PEOPLE}add/", new(usable_password="false", password1="", password2=""))

    assert not User.objects.get(email="grace@example.org").has_usable_password()


def test_a_short_password_is_refused(client: Client) -> None:
    page = client.post(f"{PEOPLE}add/", new(password1="short", password2="short"))

    assert "at least 8 characters" in page.content.decode()
    assert not User.objects.filter(email="grace@example.org").exists()


def test_an_address_in_use_is_refused_whatever_its_capitals(client: Client) -> None:
    make_user(email="Grace@Example.org")

    page = client.post(f"{PEOPLE}add/", new()).content.decode()

    assert "Somebody with this e-mail address exists already." in page


# --- Name and address -----------------------------------------------------------------------------


def test_name_and_address_are_changed(client: Client) -> None:
    person = make_user(email="old@example.org", full_name="Ada", is_email_verified=True)

    page = client.post(
        page_of(person),
        {"full_name": "Ada Lovelace", "email": "new@example.org", "is_email_verified": "on"},
        follow=True,
    )

    person.refresh_from_db()
    assert (person.full_name, person.email) == ("Ada Lovelace", "new@example.org")
    assert not person.is_email_verified  # another address has to be verified anew
    assert "“Ada Lovelace” was changed successfully." in page.content.decode()


def test_saving_a_name_takes_no_address_back_that_was_changed_meanwhile(
    client: Client, admin: User
) -> None:
    person = make_user(email="old@example.org", full_name="Ada", is_email_verified=True)
    opened = fields_of(client.get(page_of(person)).content.decode())
    people.edit(person.pk, by=admin, email="new@example.org")

    client.post(page_of(person), opened | {"full_name": "Ada Lovelace"})

    person.refresh_from_db()
    assert (person.full_name, person.email) == ("Ada Lovelace", "new@example.org")
    assert not person.is_email_verified


def test_an_address_that_two_admins_changed_is_asked_for_once_more(
    client: Client, admin: User
) -> None:
    person = make_user(email="old@example.org", full_name="Ada")
    opened = fields_of(client.get(page_of(person)).content.decode())
    people.edit(person.pk, by=admin, email="new@example.org")

    page = client.post(page_of(person), opened | {"email": "mine@example.org"}).content.decode()

    person.refresh_from_db()
    assert person.email == "new@example.org"
    assert "Somebody else changed this meanwhile: now it is “new@example.org”." in page
    client.post(page_of(person), fields_of(page))
    person.refresh_from_db()
    assert person.email == "mine@example.org"


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("no address", "Enter a valid email address."),
        ("TAKEN@example.org", "Somebody with this e-mail address exists already."),
    ],
)
def test_an_address_that_will_not_do_is_refused_beside_its_field(
    client: Client, email: str, sentence: str
) -> None:
    make_user(email="taken@example.org")
    person = make_user(email="old@example.org")

    page = client.post(page_of(person), {"full_name": "Ada", "email": email}).content.decode()

    person.refresh_from_db()
    assert sentence in page
    assert "Nothing was saved." in page
    assert person.email == "old@example.org"


def test_somebody_who_is_not_there_is_said_to_be_missing(client: Client) -> None:
    nobody = User(email="nobody@example.org")

    page = client.get(page_of(nobody), follow=True).content.decode()

    assert client.get(door_of(nobody, "role")).status_code == 404
    assert client.get(f"{PEOPLE}no-key/change/", follow=True).status_code == 200
    assert "doesn\u2019t exist" in page


# --- Who may --------------------------------------------------------------------------------------


def test_who_may_only_look_sees_no_buttons(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(roles.PERMISSIONS, "viewer", frozenset({"accounts.view_user"}))
    viewer, other = make_user("viewer"), with_password("analyst")
    make_session(other)
    own = browser_of(viewer)

    listed = own.get(PEOPLE).content.decode()
    page = own.get(page_of(other)).content.decode()

    assert "Add person" not in listed
    assert "Invite somebody" not in listed
    for word in ("Save", "Deactivate", "Change role", "End all", "Make a key", "password/"):
        assert word not in page, word
    assert "Firefox on Linux" not in page  # the database shows nobody the sessions of others
    assert "Back to the list" in page
    assert own.post(page_of(other), {"full_name": "x", "email": "x@example.org"}).status_code == 403


DOORS = ("role", "password", "factor", "deactivate", "end-sessions")
BUTTONS = ("reactivate", "unlock", "link")


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer"])
def test_other_roles_do_nothing_with_people(db: None, role: str) -> None:
    person, own = lock(with_password("viewer")), browser_of(make_user(role))

    answers = [own.get(PEOPLE), own.get(page_of(person)), own.post(page_of(person), {})]
    answers += [own.get(door_of(person, name)) for name in DOORS]
    answers += [own.post(door_of(person, name), {"role": "admin"}) for name in DOORS + BUTTONS]

    was, before = User.objects.get(pk=person.pk), person
    assert {answer.status_code for answer in answers} == {403}
    assert (was.role, was.is_active, was.locked_until) == (
        before.role,
        before.is_active,
        before.locked_until,
    )


def test_hashes_are_not_shown(client: Client) -> None:
    person = make_user("viewer", password="argon2$argon2id$v=19$secret")

    page = client.get(page_of(person)).content.decode()

    assert "argon2" not in page
