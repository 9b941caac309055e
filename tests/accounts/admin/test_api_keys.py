"""API keys: the list, making one, its page, changing, switching off and withdrawing it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import api_keys
from accounts.models import ApiKey, User
from audit.models import Entry
from tests.accounts.admin.conftest import browser_of
from tests.accounts.admin.scene import (
    KEYS,
    door_of,
    expire,
    fields_of,
    make_key,
    page_of,
    people_in_every_state,
    with_password,
)
from tests.factories import make_user

SECRET = re.compile(r'<code id="secret"[^>]*>(lac_[a-z2-7]{10}\.[A-Za-z0-9_-]{49})</code>')


@pytest.fixture
def ada(db: None) -> User:
    return with_password("analyst", full_name="Ada Lovelace", email="ada@example.org")


def form(**given: Any) -> dict[str, Any]:
    return {
        "name": "Nightly report",
        "scopes": ["read:images"],
        "ends_on": "",
        "networks": "",
        "rate_limit_per_minute": "600",
        "description": "",
        "sheet": "one-sheet",
    } | given


def names(client: Client, query: str = "") -> set[str]:
    page = client.get(KEYS + query).content.decode()
    return set(re.findall(r'<th class="field-name_shown"><a[^>]*>([^<]*)', page))


# --- The list -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"Nightly report", "Everything", "Paused", "Old script", "Late"}),
        ("?state=usable", {"Nightly report", "Everything"}),
        ("?state=off", {"Paused"}),
        ("?state=expired", {"Late"}),
        ("?state=withdrawn", {"Old script"}),
        ("?q=paus", {"Paused"}),
        ("?state=perhaps&q=lovelace", {"Nightly report", "Everything", "Paused", "Old script"}),
    ],
)
def test_the_list_is_narrowed(client: Client, admin: User, query: str, found: set[str]) -> None:
    people_in_every_state(admin)
    expire(make_key(admin, name="Late", expires_at=timezone.now() + timedelta(days=1)).key)

    assert names(client, query) == found


def test_the_keys_of_whoever_is_deactivated_are_not_called_usable(client: Client) -> None:
    gone = with_password()
    make_key(gone)
    gone.is_active = False
    gone.save()

    assert names(client, "?state=usable") == set()
    assert "Person deactivated" in client.get(KEYS).content.decode()


def test_the_list_costs_the_same_however_many_keys_there_are(client: Client, ada: User) -> None:
    make_key(ada)
    client.get(KEYS)
    with CaptureQueriesContext(connection) as few:
        client.get(KEYS)
    for number in range(5):
        make_key(make_user(), name=f"Key {number}")

    with CaptureQueriesContext(connection) as many:
        client.get(KEYS)

    assert len(few) == len(many)


# --- Making one -----------------------------------------------------------------------------------


def test_a_key_is_made_and_shown_once(ada: User) -> None:
    own = browser_of(ada)

    answer = own.post(f"{KEYS}add/", form())

    shown = SECRET.search(answer.content.decode())
    key = ApiKey.objects.get()
    assert shown is not None
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert api_keys.find(shown[1], address="203.0.113.7").pk == key.pk
    assert (key.user, key.scopes, key.rate_limit_per_minute) == (ada, ["read:images"], 600)
    pages = [own.get(path).content.decode() for path in (page_of(key), "/account/")]
    assert not any(shown[1] in page or shown[1].partition(".")[2] in page for page in pages)


def test_the_same_form_sent_again_makes_no_second_key_and_shows_none(ada: User) -> None:
    own = browser_of(ada)
    own.post(f"{KEYS}add/", form())

    again = own.post(f"{KEYS}add/", form(), follow=True).content.decode()

    assert "This key was made already, and is shown only once." in again
    assert not SECRET.search(again)
    assert ApiKey.objects.count() == 1


def test_another_form_makes_another_key(ada: User) -> None:
    own = browser_of(ada)
    sheets = re.findall(
        r'name="sheet" value="([^"]+)"',
        "".join(own.get(f"{KEYS}add/").content.decode() for _ in range(2)),
    )

    for sheet in sheets:
        own.post(f"{KEYS}add/", form(sheet=sheet))

    assert len(set(sheets)) == 2
    assert ApiKey.objects.count() == 2


def test_a_day_without_an_hour_is_valid_until_its_end(ada: User) -> None:
    day = timezone.localdate() + timedelta(days=3)

    browser_of(ada).post(f"{KEYS}add/", form(ends_on=day.isoformat(), networks="192.0.2.0/24"))

    key = ApiKey.objects.get()
    assert key.expires_at is not None
    ends = timezone.localtime(key.expires_at)
    assert (ends.date(), ends.hour, ends.minute) == (day, 23, 59)
    assert key.ip_whitelist == ["192.0.2.0/24"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"scopes": []}, "Choose at least one: a key without any reaches nothing."),
        ({"scopes": ["read:everything"]}, "read:everything"),
        ({"networks": "300.1.1.1"}, "300.1.1.1"),
        ({"ends_on": "2001-01-01"}, "This moment has passed."),
        ({"ends_on": "soon"}, "This is no day. Write it as 2026-11-21."),
        ({"rate_limit_per_minute": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_makes_no_key_is_said_beside_its_field(
    ada: User, given: dict[str, Any], sentence: str
) -> None:
    page = browser_of(ada).post(f"{KEYS}add/", form(**given)).content.decode()

    wrong = "".join(re.findall(r'<p class="ask-error">(.*?)</p>', page))
    assert sentence in wrong
    assert "Nothing was changed." in page
    assert not ApiKey.objects.exists()


def test_an_admin_makes_a_key_for_somebody_else(client: Client, admin: User, ada: User) -> None:
    asked = client.get(f"{KEYS}add/?person={ada.pk}").content.decode()

    client.post(f"{KEYS}add/?person={ada.pk}", form())

    entry = Entry.objects.get(action="api_key.created")
    assert "Make a key for Ada Lovelace" in asked
    assert ApiKey.objects.get().user == ada
    assert entry.actor_id == admin.pk


@pytest.mark.parametrize("person", ["nobody", "0" * 32])
def test_a_key_for_nobody_is_not_made(client: Client, person: str) -> None:
    assert client.get(f"{KEYS}add/?person={person}").status_code == 404


def test_nobody_else_makes_a_key_for_others(ada: User) -> None:
    other = make_user("viewer")

    assert browser_of(ada).post(f"{KEYS}add/?person={other.pk}", form()).status_code == 403
    assert not ApiKey.objects.exists()


# --- One key --------------------------------------------------------------------------------------


def test_a_key_says_what_it_may_and_from_where(client: Client, ada: User) -> None:
    key = make_key(ada, networks=["192.0.2.0/24"], description="On the lab's server.").key

    page = client.get(page_of(key)).content.decode()

    for said in ("read:images", "See images", "192.0.2.0/24", "server.", "never", key.prefix):
        assert said in page, said
    assert key.key_hash not in page


def test_a_key_is_changed_and_keeps_its_moment(client: Client, ada: User) -> None:
    ends = timezone.now() + timedelta(days=5)
    key = make_key(ada, expires_at=ends).key
    day = timezone.localdate(ends).isoformat()

    page = client.post(door_of(key, "edit"), form(name="Weekly", ends_on=day), follow=True)

    key.refresh_from_db()
    assert "The key was changed." in page.content.decode()
    assert (key.name, key.scopes) == ("Weekly", ["read:images"])
    assert key.expires_at == ends, "the same day is no change"


def test_an_end_is_taken_away(client: Client, ada: User) -> None:
    key = make_key(ada, expires_at=timezone.now() + timedelta(days=5)).key

    client.post(door_of(key, "edit"), form(ends_on=""))

    key.refresh_from_db()
    assert key.expires_at is None


def test_a_key_is_switched_off_and_on(client: Client, ada: User) -> None:
    made = make_key(ada)

    off = client.post(door_of(made.key, "switch-off"), follow=True).content.decode()
    with pytest.raises(api_keys.KeyRefused):
        api_keys.find(made.secret, address="203.0.113.7")
    on = client.post(door_of(made.key, "switch-on"), follow=True).content.decode()

    assert "The key is switched off." in off
    assert "switched on: it opens what it did before." in on
    assert api_keys.find(made.secret, address="203.0.113.7").pk == made.key.pk


def test_a_key_that_is_switched_off_twice_stays_off(client: Client, ada: User) -> None:
    """A button that is pressed twice, or by two people, does what it said."""
    made = make_key(ada)

    for _ in range(2):
        client.post(door_of(made.key, "switch-off"))

    with pytest.raises(api_keys.KeyRefused):
        api_keys.find(made.secret, address="203.0.113.7")


def test_saving_a_key_takes_nothing_back_that_was_changed_meanwhile(
    client: Client, admin: User, ada: User
) -> None:
    key = make_key(ada, description="First\nSecond", expires_at=timezone.now() + timedelta(9)).key
    opened = fields_of(client.get(door_of(key, "edit")).content.decode())
    api_keys.change(key.pk, by=admin, networks=["192.0.2.0/24"], rate_limit_per_minute=7)

    client.post(door_of(key, "edit"), opened | {"name": "Weekly"})

    key.refresh_from_db()
    assert (key.name, key.ip_whitelist, key.rate_limit_per_minute) == (
        "Weekly",
        ["192.0.2.0/24"],
        7,
    )


def test_what_two_people_changed_in_a_key_is_asked_once_more(
    client: Client, admin: User, ada: User
) -> None:
    key = make_key(ada, networks=["198.51.100.0/24"]).key
    opened = fields_of(client.get(door_of(key, "edit")).content.decode())
    api_keys.change(key.pk, by=admin, networks=["192.0.2.0/24"])

    mine = opened | {"networks": "203.0.113.0/24"}
    page = client.post(door_of(key, "edit"), mine).content.decode()

    key.refresh_from_db()
    assert key.ip_whitelist == ["192.0.2.0/24"]
    assert "Somebody else changed this meanwhile: now it is “192.0.2.0/24”." in page
    client.post(door_of(key, "edit"), fields_of(page))
    key.refresh_from_db()
    assert key.ip_whitelist == ["203.0.113.0/24"]


def test_a_key_is_withdrawn_after_a_question_and_for_good(client: Client, ada: User) -> None:
    made = make_key(ada)
    asked = client.get(door_of(made.key, "revoke")).content.decode()
    assert "It was never used." in asked
    assert "This cannot be undone" in asked

    page = client.post(door_of(made.key, "revoke"), follow=True).content.decode()

    assert "is withdrawn." in page
    assert "it opens nothing, and stays so." in page
    for name in ("edit", "switch-on", "switch-off", "revoke"):
        assert door_of(made.key, name) not in page
    again = client.post(door_of(made.key, "switch-on"), follow=True).content.decode()
    assert "withdrawn" in again
    with pytest.raises(api_keys.KeyRefused):
        api_keys.find(made.secret, address="203.0.113.7")


def test_switching_is_posted(client: Client, ada: User) -> None:
    assert client.get(door_of(make_key(ada).key, "switch-off")).status_code == 405


def test_a_key_that_there_is_not_is_said_to_be_missing(client: Client, ada: User) -> None:
    nothing = ApiKey(user=ada)

    assert client.get(door_of(nothing, "edit")).status_code == 404
    assert "doesn\u2019t exist" in client.get(page_of(nothing), follow=True).content.decode()


@pytest.mark.parametrize("scopes", ['"read:images"', '["read:nothing"]', "[]"])
def test_what_plain_sql_put_there_is_shown_and_no_fault(
    client: Client, ada: User, scopes: str
) -> None:
    key = make_key(ada).key
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE api_keys SET scopes = %s, ip_whitelist = %s, prefix = '' WHERE id = %s",
            [scopes, '"everywhere"', key.pk],
        )

    for path in (KEYS, page_of(key), page_of(ada), door_of(key, "edit")):
        assert client.get(path).status_code == 200


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer"])
def test_others_have_their_own_keys_alone(ada: User, role: str) -> None:
    person = with_password(role)
    own = browser_of(person)
    mine, other = make_key(person, name="Mine").key, make_key(ada).key

    assert own.get(KEYS).status_code == 403
    assert "Mine" in own.get(page_of(mine)).content.decode()
    for path in (page_of(other), door_of(other, "edit"), door_of(other, "revoke")):
        assert own.get(path).status_code == 403
    for name in ("edit", "revoke", "switch-on", "switch-off"):
        assert own.post(door_of(other, name), form()).status_code == 403
    own.post(door_of(mine, "revoke"))

    other.refresh_from_db()
    mine.refresh_from_db()
    assert (other.is_active, other.revoked_at) == (True, None)
    assert mine.revoked_at is not None
