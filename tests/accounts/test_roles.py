"""What each role may do."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from accounts.authentication import RoleBackend
from accounts.roles import PERMISSIONS, Role
from tests.factories import make_user

pytestmark = pytest.mark.django_db

VIEW, UPLOAD, RUN = "imaging.view_image", "imaging.add_image", "imaging.analyse_image"
STEER, SETTLE, PEOPLE = (
    "imaging.change_processingjob",
    "imaging.change_image",
    "accounts.change_user",
)

MAY = {
    Role.ADMIN: {VIEW, UPLOAD, RUN, STEER, SETTLE, PEOPLE},
    Role.MODERATOR: {VIEW, SETTLE},
    Role.ANALYST: {VIEW, UPLOAD, RUN, STEER},
    Role.VIEWER: {VIEW},
    Role.API_USER: {VIEW, UPLOAD, RUN},
}


@pytest.mark.parametrize("role", Role.values)
def test_a_role_gives_what_it_is_for_and_nothing_else(role: str) -> None:
    user = make_user(role)

    asked = {VIEW, UPLOAD, RUN, STEER, SETTLE, PEOPLE}
    assert {permission for permission in asked if user.has_perm(permission)} == MAY[Role(role)]


@pytest.mark.parametrize("role", Role.values)
def test_who_is_not_active_may_do_nothing(role: str) -> None:
    user = make_user(role, is_active=False)

    assert not user.has_perm(VIEW)
    assert not user.has_module_perms("imaging")
    assert not user.is_staff


def test_a_viewer_only_views() -> None:
    assert all(permission.split(".")[1].startswith("view_") for permission in PERMISSIONS["viewer"])


def test_every_permission_named_exists() -> None:
    from django.contrib.auth.models import Permission

    existing = {
        f"{permission.content_type.app_label}.{permission.codename}"
        for permission in Permission.objects.select_related("content_type")
    }
    named = set().union(*PERMISSIONS.values())

    assert named - existing == set()


def test_a_stranger_has_no_permission() -> None:
    stranger = AnonymousUser()

    assert not stranger.has_perm(VIEW)
    assert not RoleBackend().has_module_perms(stranger, "imaging")


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MODERATOR, Role.ANALYST, Role.VIEWER])
def test_the_staff_pages_are_open_to_people(client: Client, role: str) -> None:
    client.force_login(make_user(role))

    assert client.get("/").status_code == 200


def test_the_staff_pages_are_closed_to_api_users_and_strangers(client: Client) -> None:
    assert client.get("/").status_code == 302

    client.force_login(make_user(Role.API_USER))
    assert client.get("/").status_code == 302
