"""Role by permission: SQL, Python, the API and the staff pages give one answer."""

from __future__ import annotations

import uuid
from typing import Any, Final

import psycopg
import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.test import RequestFactory
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.apps import write_roles
from accounts.models import RolePermission, User
from accounts.roles import PERMISSIONS, SENTENCES, Role, allows, table
from config.api.permissions import Declared
from database.actor import acting_as
from database.connections import as_owner
from tests.audit.capture.told import actions
from tests.factories import make_user

pytestmark = pytest.mark.django_db

EVERY: Final = sorted(SENTENCES)


def in_sql(user_id: Any, permission: str | None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_permission(%s, %s)", [user_id, permission])
        return cursor.fetchone()[0]


def by_policies(user: User, permission: str) -> Any:
    with acting_as(user.pk), connection.cursor() as cursor:
        cursor.execute("SELECT app_may(%s)", [permission])
        return cursor.fetchone()[0]


class Asks(APIView):
    """A view that declares whatever it is given."""

    http_method_names = ["get"]

    def get(self, request: Request) -> Response:
        """Nothing."""
        return Response()


def in_the_api(user: User, permission: str) -> bool:
    """Whether a view that declares the permission lets the person through."""
    view: Any = Asks()
    view.permission = permission
    request = Request(RequestFactory().get("/api/v1/"))
    request.user, request.auth = user, None
    try:
        return Declared().has_permission(request, view)
    except PermissionDenied:
        return False


def on_the_pages(user: User, permission: str) -> bool | None:
    """What the staff page of the permission's table says; None where no page asks for it."""
    app, _, codename = permission.partition(".")
    verb, _, model_name = codename.partition("_")
    try:
        pages = admin.site._registry[apps.get_model(app, model_name)]
    except (LookupError, KeyError):
        return None
    ask = getattr(pages, f"has_{verb}_permission", None)
    request = RequestFactory().get("/")
    request.user = user
    return None if ask is None else bool(ask(request))


@pytest.mark.parametrize("role", Role.values)
def test_every_door_gives_the_same_answer(role: str) -> None:
    user = make_user(role)

    for permission in EVERY:
        expected = allows(role, permission)
        assert in_sql(user.pk, permission) is expected, permission
        assert by_policies(user, permission) is expected, permission
        assert user.has_perm(permission) is expected, permission
        assert in_the_api(user, permission) is expected, permission
        # A page may give less than the role (history is changed by nobody), never more.
        shown = on_the_pages(user, permission)
        assert shown is None or expected or not shown, permission


def test_the_pages_show_what_may_be_seen() -> None:
    """Of each table with a page: whoever may see it sees the page, and nobody else."""
    compared = 0
    for role in Role.values:
        user = make_user(role)
        for permission in (name for name in EVERY if ".view_" in name):
            shown = on_the_pages(user, permission)
            if shown is not None:
                compared += 1
                assert shown is allows(role, permission), (role, permission)

    assert compared >= 30


def test_every_permission_of_a_role_has_its_sentence_and_exists() -> None:
    known = {
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in (
            *(f"{verb}_{model._meta.model_name}" for verb in model._meta.default_permissions),
            *(codename for codename, _ in model._meta.permissions),
        )
    }

    assert set().union(*PERMISSIONS.values()) - SENTENCES.keys() == set()
    assert SENTENCES.keys() - known == set()
    assert all(text.endswith(".") and text[0].isupper() for text in SENTENCES.values())


@pytest.mark.parametrize("role", Role.values)
def test_who_is_inactive_unknown_or_nobody_has_no_permission(role: str) -> None:
    former = make_user(role, is_active=False)

    assert not any(in_sql(former.pk, permission) for permission in EVERY)
    assert not any(by_policies(former, permission) for permission in EVERY)
    assert in_sql(uuid.uuid4(), "imaging.view_image") is False
    assert in_sql(None, "imaging.view_image") is False
    assert in_sql(make_user(role).pk, None) is (role == Role.ADMIN)


def test_a_permission_that_there_is_not_is_the_admins_alone() -> None:
    answers = {role: in_sql(make_user(role).pk, "imaging.explode_image") for role in Role.values}

    assert answers == {role: role == Role.ADMIN for role in Role.values}


# --- The table in the database --------------------------------------------------------------------


def held() -> set[tuple[str, str]]:
    return set(RolePermission.objects.values_list("role", "permission"))


def test_migrate_has_filled_the_table_from_the_code() -> None:
    assert held() == table()
    assert not RolePermission.objects.filter(role=Role.ADMIN).exists()


@pytest.mark.parametrize(
    "attempt",
    [
        "INSERT INTO role_permissions (role, permission) VALUES ('viewer', 'accounts.change_user')",
        "UPDATE role_permissions SET role = 'viewer'",
        "DELETE FROM role_permissions",
    ],
)
@pytest.mark.parametrize("role", ["lacuna_app", "lacuna_admin", "lacuna_system"])
def test_the_application_cannot_write_what_roles_may_do(
    administrator: psycopg.Connection[tuple[Any, ...]], role: str, attempt: str
) -> None:
    administrator.execute(f"SET ROLE {role}")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        administrator.execute(attempt)


def test_a_migrate_takes_back_what_was_added_by_hand_and_records_it(
    transactional_db: None,
) -> None:
    with as_owner(connection):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO role_permissions (role, permission)"
                " VALUES ('viewer', 'accounts.change_user')"
            )
            cursor.execute(
                "DELETE FROM role_permissions"
                " WHERE role = 'viewer' AND permission = 'imaging.view_image'"
            )
        assert held() != table()
        write_roles(using="default")
        write_roles(using="default")

    assert held() == table()
    assert actions("role_permission") == [
        "role_permission.inserted",
        "role_permission.deleted",
        "role_permission.deleted",
        "role_permission.inserted",
    ]


def test_migrate_changes_nothing_when_no_role_did(transactional_db: None) -> None:
    keys = set(RolePermission.objects.values_list("pk", flat=True))
    call_command("migrate", verbosity=0)

    assert set(RolePermission.objects.values_list("pk", flat=True)) == keys
    assert actions("role_permission") == []


def test_the_summary_counts_the_people_of_each_role() -> None:
    make_user("admin", is_email_verified=True)
    make_user("viewer")
    make_user("viewer", is_active=False)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT role, user_count, active_count, verified_count, recently_active_count"
            " FROM user_roles_summary ORDER BY role"
        )
        assert cursor.fetchall() == [
            ("admin", 1, 1, 1, 0),
            ("analyst", 0, 0, 0, 0),
            ("api_user", 0, 0, 0, 0),
            ("moderator", 0, 0, 0, 0),
            ("viewer", 2, 1, 0, 0),
        ]


@pytest.mark.parametrize("role", ["lacuna_readonly", "lacuna_backup"])
def test_those_who_report_see_the_summary(
    role: str, administrator: psycopg.Connection[tuple[Any, ...]]
) -> None:
    administrator.execute(f"SET ROLE {role}")

    row = administrator.execute("SELECT count(*) FROM user_roles_summary").fetchone()
    assert row == (5,)
