"""People and roles through the API."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.roles import PERMISSIONS, SENTENCES, Role
from audit.models import Entry
from tests.accounts.api_keys.keys import ask, make_key
from tests.accounts.people.callers import Caller
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PEOPLE, ROLES = "/api/v1/people/", "/api/v1/roles/"
PRIVATE = ("email", "is_email_verified", "last_login_at", "locked_until", "created_at")


@pytest.fixture
def admin() -> User:
    return make_user("admin")


def one(user: User) -> str:
    return f"{PEOPLE}{user.pk}/"


# --- Reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer"])
def test_colleagues_see_names_and_roles_and_their_own_address_alone(role: str, admin: User) -> None:
    me = make_user(role)
    caller = Caller(me)

    rows = {row["id"]: row for row in caller.get(PEOPLE).json()["results"]}
    assert set(rows) == {str(admin.pk), str(me.pk)}
    assert rows[str(me.pk)]["email"] == me.email
    for row in (rows[str(admin.pk)], caller.get(one(admin)).json()):
        assert row["full_name"] == admin.full_name
        assert row["role"] == "admin"
        assert [row[name] for name in PRIVATE] == [None] * len(PRIVATE)
    assert admin.email not in caller.get(PEOPLE).content.decode()


def test_admins_see_everything_but_passwords(admin: User) -> None:
    person = make_user("viewer", password="a hash", locked_until=timezone.now())
    row = Caller(admin).get(one(person)).json()

    assert row["email"] == person.email
    assert row["locked_until"] is not None
    assert not {"password", "password_hash", "metadata", "failed_login_count"} & row.keys()
    assert "a hash" not in str(row)


def test_an_api_user_sees_themself_alone(admin: User) -> None:
    robot = make_user("api_user")
    caller = Caller(robot)

    assert [row["id"] for row in caller.get(PEOPLE).json()["results"]] == [str(robot.pk)]
    assert caller.get(one(admin)).status_code == 404


def test_strangers_see_nobody(admin: User) -> None:
    for path in (PEOPLE, one(admin), ROLES):
        assert Client().get(path).status_code == 401


def test_people_are_found_by_role_and_standing_and_not_by_address(admin: User) -> None:
    former = make_user("viewer", is_active=False)
    caller = Caller(admin)

    assert [row["id"] for row in caller.get(PEOPLE, role="viewer").json()["results"]] == [
        str(former.pk)
    ]
    assert len(caller.get(PEOPLE, is_active="true").json()["results"]) == 1
    assert caller.get(PEOPLE, email=former.email).status_code == 400


def test_the_list_takes_as_many_queries_for_many_people(
    admin: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(30):
        make_user("viewer")
    caller = Caller(admin)
    caller.get(PEOPLE)

    with django_assert_max_num_queries(20):
        assert len(caller.get(PEOPLE).json()["results"]) == 31


# --- Adding and changing --------------------------------------------------------------------------


def test_an_admin_adds_a_person_who_cannot_log_in_yet(admin: User) -> None:
    answer = Caller(admin).post(
        PEOPLE, {"email": "Grace@Example.ORG", "full_name": "Grace", "role": "analyst"}
    )

    assert answer.status_code == 201, answer.json()
    person = User.objects.get(pk=answer.json()["id"])
    assert (person.email, person.role) == ("Grace@example.org", "analyst")
    assert not person.has_usable_password()
    entry = Entry.objects.get(action="user.created")
    assert (entry.actor_id, entry.resource_id) == (admin.pk, str(person.pk))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "nonsense"}, "email"),
        ({"email": "a@example.org", "role": "owner"}, "role"),
        ({"email": "a@example.org", "full_name": "x" * 256}, "full_name"),
        ({"email": "a@example.org", "is_superuser": True}, "is_superuser"),
        ({"email": "a@example.org", "password": "x"}, "password"),
    ],
)
def test_who_cannot_be_added_is_refused_by_field(
    admin: User, body: dict[str, Any], field: str
) -> None:
    answer = Caller(admin).post(PEOPLE, body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_an_address_is_taken_once_whatever_its_capitals(admin: User) -> None:
    answer = Caller(admin).post(PEOPLE, {"email": admin.email.upper()})

    assert answer.status_code == 400
    assert "exists already" in str(answer.json())


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer", "api_user"])
def test_only_admins_add_and_order(role: str) -> None:
    make_user("admin")
    caller, other = Caller(make_user(role)), make_user("viewer")

    assert caller.post(PEOPLE, {"email": "new@example.org"}).status_code == 403
    for order in ("role", "deactivate", "reactivate", "unlock"):
        answer = caller.post(f"{one(other)}{order}/", {"role": "admin"})
        assert answer.status_code == 403, order
    other.refresh_from_db()
    assert (other.role, other.is_active) == ("viewer", True)


def test_everybody_changes_their_own_name_and_admins_the_rest(admin: User) -> None:
    me, other = make_user("analyst"), make_user("analyst", is_email_verified=True)
    caller = Caller(me)

    assert caller.patch(one(me), {"full_name": "Grace"}).json()["full_name"] == "Grace"
    assert caller.patch(one(me), {"email": "x@example.org"}).status_code == 403
    assert caller.patch(one(other), {"full_name": "Mine"}).status_code == 404
    changed = Caller(admin).patch(one(other), {"email": "new@example.org"})
    assert (changed.json()["email"], changed.json()["is_email_verified"]) == (
        "new@example.org",
        False,
    )


@pytest.mark.parametrize("field", ["role", "is_active", "password", "locked_until", "metadata"])
def test_what_has_an_order_of_its_own_is_not_patched(admin: User, field: str) -> None:
    answer = Caller(admin).patch(one(make_user("viewer")), {field: "admin"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_a_change_names_the_state_that_was_read(admin: User) -> None:
    person, caller = make_user("viewer"), Caller(admin)
    read = caller.get(one(person))["ETag"]
    User.objects.filter(pk=person.pk).update(last_login_at=timezone.now())

    assert caller.patch(one(person), {"full_name": "A"}, If_Match=read).status_code == 200
    assert caller.patch(one(person), {"full_name": "B"}, If_Match=read).status_code == 412


# --- Orders ---------------------------------------------------------------------------------------


def test_an_admin_gives_a_role_and_the_persons_sessions_end(admin: User) -> None:
    person = make_user("viewer")
    session = Session.objects.create(user=person, kind="api", expires_at="2100-01-01T00:00:00Z")
    answer = Caller(admin).post(f"{one(person)}role/", {"role": "moderator"})

    assert (answer.status_code, answer.json()["role"]) == (200, "moderator")
    session.refresh_from_db()
    assert session.end_reason == "role_changed"
    entry = Entry.objects.get(action="user.role_changed")
    assert (entry.actor_id, entry.source) == (admin.pk, "api")


def test_a_role_that_cannot_be_given_is_refused_with_its_reason(admin: User) -> None:
    make_user("admin")
    caller = Caller(admin)

    own = caller.post(f"{one(admin)}role/", {"role": "viewer"})
    assert (own.status_code, own.json()["type"]) == (409, "/api/problems/conflict")
    assert own.json()["detail"] == "You cannot change your own role. Ask another admin to do it."
    assert caller.post(f"{one(admin)}role/", {"role": "owner"}).status_code == 400
    assert caller.post(f"{one(admin)}role/", {}).status_code == 400
    nobody = caller.post(f"{PEOPLE}{uuid.uuid4()}/role/", {"role": "viewer"})
    assert nobody.status_code == 404


def test_an_admin_shuts_out_lets_in_and_unlocks(admin: User) -> None:
    later = timezone.now() + timedelta(hours=1)
    person = make_user("viewer", locked_until=later, failed_login_count=3)
    caller = Caller(admin)

    assert caller.post(f"{one(person)}deactivate/").json()["is_active"] is False
    assert caller.post(f"{one(person)}reactivate/").json()["is_active"] is True
    assert caller.post(f"{one(person)}unlock/").json()["locked_until"] is None
    assert caller.post(f"{one(admin)}deactivate/").status_code == 409
    person.refresh_from_db()
    assert person.failed_login_count == 0


# --- With a key -----------------------------------------------------------------------------------


def order(whole: str, path: str, body: str = "{}", method: str = "POST") -> Any:
    return ask(
        whole,
        path,
        method=method,
        data=body,
        content_type="application/json",
        headers={"If-Match": "*"},
    )


def test_a_key_gives_no_role_adds_no_admin_and_changes_no_address(admin: User) -> None:
    person = make_user("viewer")
    whole = make_key(admin, scopes=["read:people", "write:people"]).secret

    assert order(whole, f"{one(person)}role/", '{"role": "admin"}').status_code == 403
    made = order(whole, PEOPLE, '{"email": "new@example.org", "role": "admin"}')
    assert made.status_code == 403
    moved = order(whole, one(person), '{"email": "thief@example.org"}', "PATCH")
    assert moved.status_code == 403
    person.refresh_from_db()
    assert (person.role, person.email) != ("admin", "thief@example.org")
    assert User.objects.filter(role="admin").count() == 1
    assert order(whole, f"{one(person)}deactivate/").status_code == 200
    assert order(whole, one(person), '{"full_name": "Grace"}', "PATCH").status_code == 200


# --- Roles ----------------------------------------------------------------------------------------


def test_the_table_of_roles_says_in_sentences_what_each_may_do() -> None:
    answer = Caller(make_user("viewer")).get(ROLES).json()
    rows = {row["role"]: row for row in answer["results"]}

    assert list(rows) == Role.values
    for role, row in rows.items():
        given = {each["name"] for each in row["permissions"] if each["given"]}
        assert given == (set(SENTENCES) if role == Role.ADMIN else PERMISSIONS[role])
        assert all(each["sentence"].endswith(".") for each in row["permissions"])
    assert [role for role, row in rows.items() if not row["uses_staff_pages"]] == ["api_user"]
