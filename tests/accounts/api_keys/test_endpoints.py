"""Keys through the API: who sees which, what may be changed, and what a key itself reaches."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.actions import api_keys
from accounts.models import ApiKey, User
from audit.models import Entry
from tests.accounts.api_keys.keys import ask, insert_key, make_key
from tests.accounts.people.callers import Caller
from tests.audit.capture.told import actions, everything
from tests.factories import make_user

pytestmark = pytest.mark.django_db

KEYS = "/api/v1/api-keys/"
ROLES = "/api/v1/roles/"
NEW = {"name": "Nightly report", "scopes": ["read:people"]}


@pytest.fixture
def person() -> User:
    return make_user("viewer")


@pytest.fixture
def caller(person: User) -> Caller:
    return Caller(person)


@pytest.fixture
def admin() -> Caller:
    return Caller(make_user("admin"))


def one(key: ApiKey) -> str:
    return f"{KEYS}{key.pk}/"


# --- Making ---------------------------------------------------------------------------------------


def test_a_new_key_is_shown_once_and_opens_what_its_scopes_name(
    caller: Caller, person: User
) -> None:
    made = caller.post(KEYS, NEW | {"networks": ["127.0.0.1"]})

    assert made.status_code == 201, made.json()
    shown = made.json()
    key = ApiKey.objects.get(pk=shown["id"])
    assert made["Location"].endswith(one(key))
    assert shown["networks"] == ["127.0.0.1/32"]
    assert (shown["user"], shown["prefix"]) == (str(person.pk), key.prefix)
    assert ask(shown["key"]).status_code == 200
    read = caller.get(one(key)).json()
    assert "key" not in read
    assert {**read, "key": shown["key"], "last_used_at": None} == shown
    for answer in (caller.get(KEYS), caller.get(one(key))):
        assert shown["key"] not in answer.content.decode()
        assert key.key_hash not in answer.content.decode()


def test_neither_the_key_nor_its_hash_stands_in_the_log(caller: Caller) -> None:
    made = caller.post(KEYS, NEW).json()
    key = ApiKey.objects.get(pk=made["id"])
    caller.patch(one(key), {"networks": ["198.51.100.0/24"], "name": "Other"})
    caller.delete(one(key))

    assert actions("api_key") == ["api_key.created", "api_key.changed", "api_key.revoked"]
    text = everything()
    for secret in (made["key"], made["key"].partition(".")[2], key.key_hash, "198.51.100.0"):
        assert secret not in text
    created = Entry.objects.get(action="api_key.created")
    assert created.changes_after["scopes"] == ["read:people"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read:everything"]}, "scopes"),
        ({"scopes": "read:people"}, "scopes"),
        ({"networks": ["10.0.0.1/8"]}, "networks"),
        ({"networks": "10.0.0.0/8"}, "networks"),
        ({"rate_limit_per_minute": 0}, "rate_limit_per_minute"),
        ({"rate_limit_per_minute": 2**31}, "rate_limit_per_minute"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"user": str(uuid.uuid4())}, None),
        ({"key_hash": "0" * 64}, "key_hash"),
        ({"is_active": True}, "is_active"),
    ],
)
def test_what_makes_no_key_is_refused_by_name(
    caller: Caller, values: dict[str, Any], field: str | None
) -> None:
    answer = caller.post(KEYS, NEW | values)

    assert answer.status_code == (400 if field else 403), answer.json()
    if field:
        assert answer.json()["errors"][0]["field"].split(".")[0] == field
    assert not ApiKey.objects.exists()


def test_a_repeated_request_makes_one_key_and_does_not_show_it_again(caller: Caller) -> None:
    first = caller.post(KEYS, NEW, Idempotency_Key="order-1")
    second = caller.post(KEYS, NEW, Idempotency_Key="order-1")

    assert (first.status_code, second.status_code) == (201, 409)
    assert second.json()["type"].endswith("shown-once")
    assert ApiKey.objects.count() == 1
    assert first.json()["key"] not in everything_kept()


def everything_kept() -> str:
    from accounts.models import IdempotencyKey

    return str(list(IdempotencyKey.objects.values()))


def test_an_admin_makes_a_key_for_somebody_else_and_nobody_else_does(
    admin: Caller, caller: Caller, person: User
) -> None:
    robot = make_user("api_user")

    assert admin.post(KEYS, NEW | {"user": str(robot.pk)}).json()["user"] == str(robot.pk)
    assert caller.post(KEYS, NEW | {"user": str(robot.pk)}).status_code == 403
    unknown = admin.post(KEYS, NEW | {"user": str(uuid.uuid4())})
    assert unknown.json()["errors"][0]["field"] == "user"
    User.objects.filter(pk=robot.pk).update(is_active=False)
    assert admin.post(KEYS, NEW | {"user": str(robot.pk)}).status_code == 400


# --- Reading --------------------------------------------------------------------------------------


def test_everybody_sees_their_own_keys_and_admins_those_of_others(
    admin: Caller, caller: Caller, person: User
) -> None:
    own, other = make_key(person).key, make_key(make_user("analyst")).key

    assert ids(caller.get(KEYS)) == {str(own.pk)}
    assert caller.get(one(other)).status_code == 404
    assert caller.get(KEYS, user="all").status_code == 403
    assert caller.get(KEYS, user=str(other.user_id)).status_code == 403
    assert ids(caller.get(KEYS, user=str(person.pk))) == {str(own.pk)}
    assert ids(admin.get(KEYS)) == set()
    assert ids(admin.get(KEYS, user="all")) == {str(own.pk), str(other.pk)}
    assert ids(admin.get(KEYS, user=str(person.pk))) == {str(own.pk)}
    assert admin.get(one(own)).status_code == 200
    assert admin.get(KEYS, user="me").json()["errors"][0]["field"] == "user"


def ids(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.json()
    return {row["id"] for row in answer.json()["results"]}


def test_a_row_with_json_of_another_kind_is_shown_as_empty(caller: Caller, person: User) -> None:
    insert_key(person, "partner.5", scopes="'42'", ip_whitelist="""'{"a": 1}'""")

    (row,) = caller.get(KEYS).json()["results"]
    assert (row["scopes"], row["networks"]) == ([], [])


# --- Changing -------------------------------------------------------------------------------------


def test_a_key_is_switched_off_and_on_and_limited(caller: Caller, person: User) -> None:
    new = make_key(person)
    until = timezone.now() + timedelta(days=7)
    answer = caller.patch(
        one(new.key),
        {"is_active": False, "rate_limit_per_minute": None, "expires_at": until.isoformat()},
    )

    assert answer.status_code == 200, answer.json()
    assert (answer.json()["is_active"], answer.json()["rate_limit_per_minute"]) == (False, None)
    assert ask(new.secret).status_code == 401
    assert caller.patch(one(new.key), {"is_active": True}).status_code == 200
    assert ask(new.secret).status_code == 200
    entry = Entry.objects.filter(action="api_key.changed").earliest("id")
    assert entry.changes_before == {
        "is_active": True,
        "rate_limit_per_minute": 600,
        "expires_at": None,
    }


def test_a_change_names_the_state_that_was_read(caller: Caller, person: User) -> None:
    key = make_key(person).key
    first = caller.get(one(key))["ETag"]
    caller.patch(one(key), {"name": "Other"})

    stale = caller.patch(one(key), {"name": "Third"}, If_Match=first)
    missing = caller.client.patch(one(key), {}, content_type="application/json")
    assert (stale.status_code, missing.status_code) == (412, 428)


def test_the_use_of_a_key_does_not_stand_against_its_change(caller: Caller, person: User) -> None:
    new = make_key(person)
    read = caller.get(one(new.key))["ETag"]
    assert ask(new.secret).status_code == 200

    assert caller.patch(one(new.key), {"name": "Other"}, If_Match=read).status_code == 200


@pytest.mark.parametrize("field", ["scopes", "user", "prefix", "key", "revoked_at", "id"])
def test_what_a_key_is_cannot_be_changed(caller: Caller, person: User, field: str) -> None:
    answer = caller.patch(one(make_key(person).key), {field: "x"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_nobody_changes_the_keys_of_others(caller: Caller) -> None:
    key = make_key(make_user("analyst")).key

    assert caller.patch(one(key), {"is_active": False}).status_code == 404
    assert caller.delete(one(key)).status_code == 404
    key.refresh_from_db()
    assert key.is_active


def test_a_withdrawn_key_is_over_for_ever(caller: Caller, person: User) -> None:
    new = make_key(person)
    answer = caller.delete(one(new.key))

    assert answer.status_code == 200
    assert answer.json()["revoked_at"] is not None
    assert ask(new.secret).json()["detail"].startswith("This API key was withdrawn")
    assert caller.delete(one(new.key)).status_code == 200
    again = caller.patch(one(new.key), {"is_active": True})
    assert (again.status_code, again.json()["type"]) == (409, "/api/problems/conflict")
    assert actions("api_key").count("api_key.revoked") == 1


def test_an_admin_withdraws_a_key_of_somebody_else(admin: Caller, person: User) -> None:
    new = make_key(person)

    assert admin.delete(one(new.key)).status_code == 200
    assert ask(new.secret).status_code == 401


# --- What a key reaches ---------------------------------------------------------------------------


def test_a_key_acts_for_its_person(person: User) -> None:
    new = make_key(person)

    answer = ask(new.secret, f"/api/v1/people/{person.pk}/")
    assert answer.status_code == 200
    assert answer.json()["email"] == person.email


def test_a_key_reaches_nothing_beyond_its_scopes() -> None:
    reader = make_key(make_user("admin"), scopes=["read:people"])

    answer = ask(reader.secret, "/api/v1/people/", method="POST", content_type="application/json")
    assert (answer.status_code, answer.json()["type"]) == (403, "/api/problems/scope-missing")


def test_a_key_reaches_nothing_beyond_its_persons_role(person: User) -> None:
    writer = make_key(person, scopes=["write:people"])

    answer = ask(
        writer.secret,
        "/api/v1/people/",
        method="POST",
        data='{"email": "new@example.org"}',
        content_type="application/json",
    )
    assert (answer.status_code, answer.json()["type"]) == (403, "/api/problems/not-allowed")


def test_a_key_makes_changes_and_sees_no_keys() -> None:
    new = make_key(make_user("admin"), scopes=["read:people", "write:people"])

    for method, path in [
        ("GET", KEYS),
        ("POST", KEYS),
        ("GET", one(new.key)),
        ("PATCH", one(new.key)),
        ("DELETE", one(new.key)),
    ]:
        answer = ask(new.secret, path, method=method, data="{}", content_type="application/json")
        assert answer.status_code == 403, (method, path)
        assert answer.json()["type"] == "/api/problems/scope-missing"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Api-Key", 401),
        ("Api-Key ", 401),
        ("Api-Key a b", 401),
        ("Api-Key lac_abcdefghij.short", 401),
        ("Api-Key \xff\xfe", 401),
        ("Api-Key " + "x" * 5000, 401),
        ("Basic YTpi", 401),
        ("", 401),
    ],
)
def test_a_header_that_holds_no_key_is_a_401_that_says_how(header: str, status: int) -> None:
    from django.test import Client

    answer = Client().get(ROLES, headers={"Authorization": header})
    assert answer.status_code == status
    assert "Api-Key" in answer["WWW-Authenticate"]
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("word", ["api-key", "API-KEY", "Api-Key  "])
def test_the_word_before_the_key_has_any_capitals(person: User, word: str) -> None:
    from django.test import Client

    headers = {"Authorization": f"{word} {make_key(person).secret}"}
    assert Client().get(ROLES, headers=headers).status_code == 200


def test_a_key_used_too_often_is_told_when_to_come_again(person: User) -> None:
    new = make_key(person, rate_limit_per_minute=2)
    answers = [ask(new.secret) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert answers[-1].json()["type"] == "/api/problems/too-many-requests"


def test_so_many_wrong_keys_from_one_address_are_told_to_wait(person: User) -> None:
    wrong = [ask(f"wrong.{number}") for number in range(api_keys.MOST_REFUSED + 1)]

    assert {answer.status_code for answer in wrong[:-1]} == {401}
    assert wrong[-1].status_code == 429
    assert int(wrong[-1]["Retry-After"]) >= 1
    assert ask(make_key(person).secret).status_code == 200


def test_behind_a_proxy_the_address_is_what_the_proxy_saw(person: User, settings: Any) -> None:
    new = make_key(person, networks=["198.51.100.0/24"])
    forged = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9"}
    true = {"X-Forwarded-For": "203.0.113.9, ::ffff:198.51.100.7"}

    settings.BEHIND_PROXY = False
    assert ask(new.secret, headers=true).status_code == 403
    settings.BEHIND_PROXY = True
    assert ask(new.secret, headers=forged).status_code == 403
    assert ask(new.secret, headers=true).status_code == 200


def test_what_a_key_did_stands_under_its_persons_name() -> None:
    admin = make_user("admin")
    new = make_key(admin, scopes=["write:people"])
    made = ask(
        new.secret,
        "/api/v1/people/",
        method="POST",
        data='{"email": "new@example.org"}',
        content_type="application/json",
    )

    assert made.status_code == 201, made.json()
    entry = Entry.objects.get(action="user.created")
    assert (entry.actor_id, entry.source) == (admin.pk, "api")
