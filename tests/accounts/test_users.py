"""People: e-mail addresses, passwords, and what the database refuses."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import identify_hasher
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.test import Client

from accounts.models import User
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def insert(email: str, role: str = "viewer") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (email, password_hash, role) VALUES (%s, '', %s)", [email, role]
        )


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ana",
        "ana@",
        "@example.org",
        "ana@example",
        "a b@example.org",
        "a@b@c.org",
        "ana@.org",
        "ana@example..org",
        "ana@example.org.",
    ],
)
def test_the_database_refuses_what_is_no_address(email: str) -> None:
    with pytest.raises(IntegrityError, match="users_email_format_check"):
        insert(email)


def test_two_people_cannot_have_one_address_whatever_its_capitals() -> None:
    insert("Ana@Example.org")
    with pytest.raises(IntegrityError, match="users_email_lower_key"):
        insert("ana@example.ORG")


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(IntegrityError, match="users_role_check"):
        insert("ana@example.org", "owner")


def test_a_new_person_is_a_viewer_without_a_verified_address() -> None:
    user = User.objects.create_user("new@example.org")

    assert (user.role, user.is_active, user.is_email_verified) == ("viewer", True, False)
    assert not user.has_usable_password()


def test_a_wrong_address_is_refused_before_the_database_is_asked() -> None:
    with pytest.raises(ValidationError):
        User.objects.create_user("not an address", PASSWORD)


@pytest.mark.usefixtures("real_hashes")
def test_passwords_are_argon2id_of_64_mib_3_iterations_and_4_lanes() -> None:
    user = User.objects.create_user("ana@example.org", PASSWORD)

    assert identify_hasher(user.password).algorithm == "argon2"
    assert user.password.startswith("argon2$argon2id$v=19$m=65536,t=3,p=4$")
    with connection.cursor() as cursor:
        cursor.execute("SELECT password_hash FROM users WHERE id = %s", [user.pk])
        assert cursor.fetchone()[0] == user.password


def test_login_takes_the_address_in_any_capitals() -> None:
    user = User.objects.create_user("ana@example.org", PASSWORD, role="analyst")

    assert authenticate(username="ANA@Example.Org", password=PASSWORD) == user
    assert authenticate(username="ana@example.org", password="wrong") is None
    assert authenticate(username="nobody@example.org", password=PASSWORD) is None


def test_who_is_not_active_cannot_log_in_and_loses_the_session(client: Client) -> None:
    user = User.objects.create_user("ana@example.org", PASSWORD, role="analyst")
    assert client.login(username="ana@example.org", password=PASSWORD)
    assert client.get("/").status_code == 200

    User.objects.filter(pk=user.pk).update(is_active=False)

    assert client.get("/").status_code == 302
    assert authenticate(username="ana@example.org", password=PASSWORD) is None


def test_the_login_is_remembered_also_under_its_other_name(client: Client) -> None:
    user = User.objects.create_user("ana@example.org", PASSWORD, role="analyst")
    client.login(username="ana@example.org", password=PASSWORD)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT last_login_at, last_login, email_verified FROM users WHERE id = %s", [user.pk]
        )
        last_login_at, last_login, verified = cursor.fetchone()
    assert last_login_at is not None
    assert last_login == last_login_at
    assert verified is False


def test_the_generated_columns_cannot_be_written() -> None:
    user = make_user()
    with pytest.raises(Exception, match="can only be updated to DEFAULT"):
        connection.cursor().execute(
            "UPDATE users SET email_verified = true WHERE id = %s", [user.pk]
        )
