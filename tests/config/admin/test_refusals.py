"""What the database or an action refuses becomes a sentence; a fault stays a fault."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest
from django.test import Client

from accounts.admin import PersonAdmin
from accounts.models import User
from config.admin.refusals import refusal
from tests.factories import make_user


def refused(sql: str) -> DatabaseError:
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    return caught.value


def raising(message: str, options: str = "ERRCODE = 'check_violation'") -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION '{message}' USING {options}; END $$"


@pytest.mark.django_db
def test_a_triggers_own_sentence_is_shown_as_it_stands() -> None:
    error = refused(raising("A result cannot return to pending"))

    assert refusal(error) == "A result cannot return to pending."


@pytest.mark.django_db
def test_a_triggers_hint_follows_its_sentence() -> None:
    error = refused(raising("No.", "ERRCODE = 'check_violation', HINT = 'Run it again.'"))

    assert refusal(error) == "No. Run it again."


@pytest.mark.django_db
def test_a_plain_raise_is_a_refusal_too() -> None:
    error = refused("DO $$ BEGIN RAISE EXCEPTION 'History is kept.'; END $$")

    assert refusal(error) == "History is kept."


@pytest.mark.django_db
def test_a_constraint_speaks_with_its_models_words() -> None:
    make_user(email="ada@example.org")
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        make_user(email="ADA@example.org")

    assert refusal(caught.value, User) == "Somebody with this e-mail address exists already."


@pytest.mark.django_db
def test_a_constraint_without_words_is_named_and_values_are_not_repeated() -> None:
    make_user(email="ada@example.org")
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        make_user(email="ada@example.org")

    sentence = refusal(caught.value)

    assert sentence is not None
    assert "must differ" in sentence
    assert "ada@" not in sentence


@pytest.mark.django_db
def test_missing_rights_read_as_rows_that_are_kept() -> None:
    error = refused("DELETE FROM migrations_history")

    assert refusal(error) == (
        "The database does not allow this change: these rows are kept as they are."
    )


@pytest.mark.django_db
@pytest.mark.parametrize("sql", ["SELECT * FROM nowhere", "SELEC 1", "SELECT 1/0"])
def test_a_fault_is_no_refusal(sql: str) -> None:
    assert refusal(refused(sql)) is None


class Locked(Exception):
    """A domain error of a package."""


@pytest.fixture
def form() -> dict[str, str]:
    return {
        "email": "new@example.org",
        "full_name": "New Person",
        "role": "viewer",
        "usable_password": "false",
        "password1": "",
        "password2": "",
    }


def saving(sql: str, error: Exception | None = None) -> Any:
    def save_model(
        self: PersonAdmin, request: HttpRequest, obj: User, form: Any, change: bool
    ) -> None:
        obj.save()
        if error:
            raise error
        with connection.cursor() as cursor:
            cursor.execute(sql)

    return save_model


def test_a_refused_form_keeps_the_input_and_says_why(
    admin_client: Client, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PersonAdmin, "save_model", saving(raising("Not on a Sunday")))

    response = admin_client.post("/accounts/user/add/", form)

    assert response.status_code == 200
    assert "Not on a Sunday." in response.content.decode()
    assert 'value="new@example.org"' in response.content.decode()
    assert not User.objects.filter(email="new@example.org").exists()


def test_a_packages_own_refusal_is_shown_too(
    admin_client: Client, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PersonAdmin, "save_model", saving("", Locked("Locked by Grace.")))
    monkeypatch.setattr(PersonAdmin, "domain_errors", (Locked,))

    response = admin_client.post("/accounts/user/add/", form)

    assert "Locked by Grace." in response.content.decode()
    assert not User.objects.filter(email="new@example.org").exists()


def test_a_fault_while_saving_is_let_be_seen(
    admin_client: Client, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PersonAdmin, "save_model", saving("SELECT 1/0"))

    with pytest.raises(DatabaseError):
        admin_client.post("/accounts/user/add/", form)


def test_a_refused_action_becomes_a_message(
    admin_user: User, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    @admin.action(description="Archive")
    def archive(self: PersonAdmin, request: HttpRequest, rows: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(raising("Archived people stay archived"))

    monkeypatch.setattr(PersonAdmin, "archive", archive, raising=False)
    monkeypatch.setattr(PersonAdmin, "actions", ["archive"])

    response = admin_client.post(
        "/accounts/user/",
        {"action": "archive", "index": "0", "_selected_action": str(admin_user.pk)},
        follow=True,
    )

    assert "Archived people stay archived." in response.content.decode()
    assert 'name="action" value="archive"' in response.content.decode()
