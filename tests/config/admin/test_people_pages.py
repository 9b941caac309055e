"""People's pages: adding, changing, and what would lock people out."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import roles
from accounts.admin import _lockouts
from accounts.models import User
from tests.factories import make_user

PASSWORD = "a long enough phrase 42"


def new(**fields: Any) -> dict[str, Any]:
    return {
        "email": "grace@example.org",
        "full_name": "Grace",
        "role": "analyst",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    } | fields


def change(client: Client, person: User, **fields: Any) -> str:
    form = {
        "email": person.email,
        "full_name": person.full_name,
        "role": person.role,
        "is_active": "on" if person.is_active else "",
    } | fields
    form = {name: value for name, value in form.items() if value}
    response = client.post(f"/accounts/user/{person.pk}/change/", form, follow=True)
    person.refresh_from_db()
    return response.content.decode()


def test_a_person_is_added_with_a_password(admin_client: Client) -> None:
    admin_client.post("/accounts/user/add/", new())

    person = User.objects.get(email="grace@example.org")
    assert person.role == "analyst"
    assert person.check_password(PASSWORD)


def test_a_person_is_added_without_a_password(admin_client: Client) -> None:
    admin_client.post(
        "/accounts/user/add/", new(usable_password="false", password1="", password2="")
    )

    assert not User.objects.get(email="grace@example.org").has_usable_password()


def test_a_short_password_is_refused(admin_client: Client) -> None:
    page = admin_client.post("/accounts/user/add/", new(password1="short", password2="short"))

    assert "at least 12 characters" in page.content.decode()
    assert not User.objects.filter(email="grace@example.org").exists()


def test_an_address_in_use_is_refused_whatever_its_capitals(admin_client: Client) -> None:
    make_user(email="Grace@Example.org")

    page = admin_client.post("/accounts/user/add/", new()).content.decode()

    assert "Somebody with this e-mail address exists already." in page


def test_a_role_is_changed(admin_client: Client) -> None:
    person = make_user("viewer")

    change(admin_client, person, role="moderator")

    assert person.role == "moderator"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"role": "viewer"}, "You cannot take the admin role from yourself."),
        ({"is_active": ""}, "You cannot deactivate yourself."),
    ],
)
def test_an_admin_does_not_lock_themself_out(
    admin_client: Client, admin_user: User, fields: dict[str, str], sentence: str
) -> None:
    make_user("admin")  # also when there is another one

    page = change(admin_client, admin_user, **fields)

    assert sentence in page
    assert admin_user.role == "admin"
    assert admin_user.is_active


def test_another_admin_can_be_demoted_and_deactivated(admin_client: Client) -> None:
    other = make_user("admin")

    change(admin_client, other, role="viewer", is_active="")

    assert other.role == "viewer"
    assert not other.is_active


def test_the_last_active_admin_stays_one(admin_client: Client, admin_user: User) -> None:
    # Demoted by somebody else while this admin's page was open: the session still says admin.
    other = make_user("admin")
    refused = dict(_lockouts(other.pk, admin_user.pk, {other.pk}, {"role": "viewer"}))

    assert refused == {"role": "This is the last active admin. Make somebody else an admin first."}


def test_two_admins_who_demote_each_other_do_so_one_after_the_other(
    admin_client: Client,
) -> None:
    other = make_user("admin")

    with CaptureQueriesContext(connection) as queries:
        change(admin_client, other, role="viewer")

    assert any("FOR UPDATE" in query["sql"] for query in queries)


def test_who_may_only_look_sees_no_buttons(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(roles.PERMISSIONS, "viewer", frozenset({"accounts.view_user"}))
    viewer = make_user("viewer")
    client.force_login(viewer)

    listed = client.get("/accounts/user/").content.decode()
    page = client.get(f"/accounts/user/{viewer.pk}/change/").content.decode()

    assert "Add person" not in listed
    assert 'name="_save"' not in page
    assert "Set a password" not in page
    assert "Back to the list" in page


def test_a_password_is_changed_by_an_admin(admin_client: Client) -> None:
    person = make_user("viewer")
    address = f"/accounts/user/{person.pk}/password/"
    page = admin_client.get(address).content.decode()

    admin_client.post(
        address,
        {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
        | {"set-password": "1"},
    )

    person.refresh_from_db()
    assert "People" in page
    assert person.check_password(PASSWORD)


def test_a_moderator_changes_nobodys_password(client: Client, db: None) -> None:
    person = make_user("viewer")
    client.force_login(make_user("moderator"))

    assert client.get(f"/accounts/user/{person.pk}/password/").status_code == 403
    assert client.get(f"/accounts/user/{person.pk}/change/").status_code == 403


def test_a_login_is_remembered(client: Client, db: None) -> None:
    person = make_user("viewer")
    person.set_password(PASSWORD)
    person.save()

    response = client.post("/login/", {"username": person.email, "password": PASSWORD})

    person.refresh_from_db()
    assert response.status_code == 302
    assert person.last_login_at is not None


def test_a_deactivated_person_is_out_at_once(admin_client: Client, client: Client) -> None:
    person = make_user("viewer")
    client.force_login(person)
    assert client.get("/").status_code == 200

    change(admin_client, person, is_active="")

    assert client.get("/").status_code == 302


def test_hashes_are_not_shown(admin_client: Client) -> None:
    person = make_user("viewer", password="argon2$argon2id$v=19$secret")

    page = admin_client.get(f"/accounts/user/{person.pk}/change/").content.decode()

    assert "argon2" not in page


def test_groups_have_no_page(admin_client: Client) -> None:
    assert admin_client.get("/auth/group/").status_code == 404
