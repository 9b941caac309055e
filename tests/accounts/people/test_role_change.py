"""Giving somebody another role, in plain SQL as an intruder would, and through the action."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError, ProgrammingError

from accounts.actions import roles
from accounts.models import Session, User
from accounts.roles import Role
from database.actor import acting_as
from database.connections import own_connection
from tests.audit.capture.told import entries
from tests.factories import make_user

pytestmark = pytest.mark.django_db

ORDINARY = [Role.MODERATOR, Role.ANALYST, Role.VIEWER, Role.API_USER]


def change(user: User, role: str | None) -> None:
    """As an intruder who can send SQL of their own."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT change_user_role(%s, %s)", [user.pk, role])


def role_of(user: User) -> str:
    return User.objects.values_list("role", flat=True).get(pk=user.pk)


# --- Plain SQL ------------------------------------------------------------------------------------


def test_an_admin_gives_a_role_and_one_entry_tells_of_it() -> None:
    admin, person = make_user("admin"), make_user("viewer")
    with acting_as(admin.pk):
        change(person, "moderator")

    assert role_of(person) == "moderator"
    (entry,) = [entry for entry in entries("user") if entry.action == "user.role_changed"]
    assert (entry.actor_id, entry.resource_id) == (admin.pk, str(person.pk))
    assert (entry.changes_before, entry.changes_after) == (
        {"role": "viewer"},
        {"role": "moderator"},
    )


@pytest.mark.parametrize("role", ORDINARY)
def test_who_is_no_admin_promotes_nobody(role: str) -> None:
    intruder, other = make_user(role), make_user("viewer")

    for target in (intruder, other):
        with acting_as(intruder.pk), pytest.raises(ProgrammingError, match="Only an admin may"):
            change(target, "admin")

    with acting_as(intruder.pk):
        with pytest.raises(ProgrammingError, match="Only an admin may"), transaction.atomic():
            User.objects.filter(pk=intruder.pk).update(role="admin")
        assert User.objects.filter(pk=other.pk).update(role="admin") == 0, "the row is not theirs"
    assert (role_of(intruder), role_of(other)) == (role, "viewer")


def test_who_was_deactivated_promotes_nobody() -> None:
    make_user("admin")
    former, other = make_user("admin", is_active=False), make_user("viewer")

    with acting_as(former.pk), pytest.raises(ProgrammingError, match="Only an admin may"):
        change(other, "admin")


def test_nobody_promotes_nobody() -> None:
    other = make_user("viewer")

    with acting_as(None), pytest.raises(ProgrammingError, match="Only an admin may"):
        change(other, "admin")
    with acting_as(uuid.uuid4()), pytest.raises(ProgrammingError, match="Only an admin may"):
        change(other, "admin")


def test_the_admins_role_without_a_name_promotes_nobody() -> None:
    other = make_user("viewer")

    with transaction.atomic():
        connection.cursor().execute("SET LOCAL ROLE lacuna_admin")
        with pytest.raises(ProgrammingError, match="Only an admin may"):
            change(other, "admin")


@pytest.mark.parametrize("role", ["lacuna_readonly", "lacuna_auditor"])
def test_those_who_report_cannot_even_ask(
    role: str, administrator: psycopg.Connection[tuple[Any, ...]]
) -> None:
    administrator.execute(f"SET ROLE {role}")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        administrator.execute("SELECT change_user_role(%s, 'admin')", [uuid.uuid4()])


def test_an_admin_does_not_change_their_own_role() -> None:
    admin = make_user("admin")
    make_user("admin")

    for attempt in (
        lambda: change(admin, "viewer"),
        lambda: User.objects.filter(pk=admin.pk).update(role="viewer"),
    ):
        with acting_as(admin.pk), pytest.raises(IntegrityError) as caught, transaction.atomic():
            attempt()
        assert constraint(caught.value) == "users_own_role"


def test_the_last_admin_stays_whoever_asks() -> None:
    last = make_user("admin")
    make_user("admin", is_active=False)
    attempts: list[Callable[[], Any]] = [
        lambda: change(last, "viewer"),
        lambda: User.objects.filter(pk=last.pk).update(role="viewer"),
        lambda: User.objects.filter(pk=last.pk).update(is_active=False),
        lambda: User.objects.filter(pk=last.pk).delete(),
    ]

    for attempt in attempts:
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            attempt()
        assert constraint(caught.value) == "users_last_admin"
    assert role_of(last) == "admin"


def test_the_documented_word_user_means_an_analyst() -> None:
    admin, person = make_user("admin"), make_user("viewer")
    with acting_as(admin.pk):
        change(person, "user")

    assert role_of(person) == "analyst"


@pytest.mark.parametrize("role", ["owner", "", "ADMIN", None])
def test_a_role_that_there_is_not_is_refused(role: str | None) -> None:
    admin, person = make_user("admin"), make_user("viewer")

    with acting_as(admin.pk), pytest.raises(DatabaseError):
        change(person, role)
    assert role_of(person) == "viewer"


def test_a_person_that_there_is_not_is_named() -> None:
    missing = User(pk=uuid.uuid4())

    with pytest.raises(DatabaseError, match=f"There is no user {missing.pk}"):
        change(missing, "viewer")


def test_another_role_ends_the_sessions_and_the_same_role_does_not() -> None:
    admin, person = make_user("admin"), make_user("viewer")
    session = Session.objects.create(
        user=person, kind="api", expires_at="2100-01-01T00:00:00Z", device_name="a program"
    )

    with acting_as(admin.pk):
        change(person, "viewer")
    session.refresh_from_db()
    assert session.ended_at is None

    with acting_as(admin.pk):
        change(person, "analyst")
    session.refresh_from_db()
    assert session.end_reason == "role_changed"


# --- At the same moment ---------------------------------------------------------------------------


@pytest.fixture
def two_admins(transactional_db: None) -> tuple[User, User]:
    return make_user("admin"), make_user("admin")


def test_two_admins_who_demote_each_other_leave_one(two_admins: tuple[User, User]) -> None:
    ada, grace = two_admins
    together = threading.Barrier(2)
    refusals: list[str] = []

    def demote(by: User, whom: User) -> None:
        with own_connection() as own, own.transaction():
            own.execute("SELECT set_config('app.user_id', %s, true)", [str(by.pk)])
            own.execute("SET LOCAL ROLE lacuna_admin")
            together.wait(10)
            try:
                with own.transaction():
                    own.execute("SELECT change_user_role(%s, 'viewer')", [whom.pk])
            except psycopg.Error as error:
                refusals.append(error.diag.constraint_name or error.sqlstate or "")

    threads = [threading.Thread(target=demote, args=pair) for pair in ((ada, grace), (grace, ada))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert User.objects.filter(role="admin", is_active=True).count() == 1
    assert len(refusals) == 1
    assert refusals[0] in {"users_last_admin", "42501", "40P01"}


# --- Through the action ---------------------------------------------------------------------------


def test_the_action_gives_the_role_on_behalf_of_the_admin() -> None:
    admin, person = make_user("admin"), make_user("viewer")

    assert roles.change(person.pk, "moderator", by=admin).role == "moderator"
    assert [entry.actor_id for entry in entries("user") if entry.action == "user.role_changed"] == [
        admin.pk
    ]


@pytest.mark.parametrize("role", ORDINARY)
def test_the_action_refuses_who_is_no_admin(role: str) -> None:
    with pytest.raises(roles.NotAnAdmin, match="Only an active admin"):
        roles.change(make_user("viewer").pk, "admin", by=make_user(role))


def test_the_action_says_each_refusal_in_a_sentence() -> None:
    admin, other = make_user("admin"), make_user("admin")

    with pytest.raises(roles.OwnStanding, match="Ask another admin"):
        roles.change(admin.pk, "viewer", by=admin)
    with pytest.raises(roles.NoSuchRole, match="There is no role 'owner'. There are: admin,"):
        roles.change(other.pk, "owner", by=admin)
    with pytest.raises(roles.NoSuchPerson, match="does not exist any more"):
        roles.change(uuid.uuid4(), "viewer", by=admin)
    # What was refused left the transaction usable.
    assert roles.change(other.pk, "viewer", by=admin).role == "viewer"


def test_the_last_admin_is_a_sentence_too() -> None:
    admin = make_user("admin")
    User.objects.filter(pk=make_user("admin").pk).update(is_active=False)

    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        User.objects.filter(pk=admin.pk).update(role="viewer")
    told = roles.refused(caught.value)
    assert isinstance(told, roles.LastAdmin)
    assert str(told) == "This is the last active admin. Make somebody else an admin first."


def test_another_kind_of_error_is_no_refusal() -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        connection.cursor().execute("SELECT 1 / 0")

    assert roles.refused(caught.value) is None


def constraint(error: DatabaseError) -> str | None:
    cause = error.__cause__
    assert isinstance(cause, psycopg.Error)
    return cause.diag.constraint_name
