"""The operators' commands for keys and people."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from structlog.testing import capture_logs

from accounts import api_key_text
from accounts.models import ApiKey, User
from audit.models import Entry
from tests.accounts.api_keys.keys import ask, make_key
from tests.audit.capture.told import actions, everything
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return make_user("admin", email="ada@example.org")


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def as_json(*arguments: str) -> dict[str, Any]:
    outcome: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return outcome


def test_a_key_is_made_and_printed_once(admin: User) -> None:
    robot = make_user("api_user", email="robot@example.org")
    with capture_logs() as logs:
        outcome = as_json(
            "create_api_key",
            "Robot@example.org",
            "--name=Nightly report",
            "--scope=read:people",
            "--network=127.0.0.1",
            "--per-minute=5",
            "--days=30",
        )

    key = ApiKey.objects.get(user=robot)
    assert key.key_hash == api_key_text.digest(outcome["key"])
    assert (key.ip_whitelist, key.rate_limit_per_minute) == (["127.0.0.1/32"], 5)
    assert key.expires_at is not None
    assert ask(outcome["key"]).status_code == 200
    assert outcome["key"] not in str(logs)
    assert outcome["key"] not in everything()
    assert Entry.objects.get(action="api_key.created").actor_id == admin.pk


def test_a_person_reads_the_key_on_the_last_line(admin: User) -> None:
    make_user("api_user", email="robot@example.org")
    text = run(
        "create_api_key", "robot@example.org", "--name=x", "--scope=read:people", "--unlimited"
    )

    assert api_key_text.PATTERN.fullmatch(text.splitlines()[-1])
    assert ApiKey.objects.get().rate_limit_per_minute is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nobody@example.org", "--name=x", "--scope=read:people"], "Nobody has the e-mail"),
        (["ada@example.org", "--name=x", "--scope=read:all"], "There is no scope 'read:all'"),
        (["ada@example.org", "--name=", "--scope=read:people"], "cannot be blank"),
        (
            ["ada@example.org", "--name=x", "--scope=read:people", "--network=10.0.0.1/8"],
            "Write 10.0.0.0/8",
        ),
        (["ada@example.org", "--name=x", "--scope=read:people", "--days=0"], "is not from 1"),
        (["ada@example.org", "--name=x", "--scope=read:people", "--days=40000"], "is not from 1"),
    ],
)
def test_what_makes_no_key_is_said(admin: User, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run("create_api_key", *arguments)
    assert not ApiKey.objects.exists()


def test_a_key_is_withdrawn_by_its_prefix_or_id_and_again_without_harm(admin: User) -> None:
    first, second = make_key(make_user("viewer")), make_key(make_user("viewer"))
    prefix = first.key.prefix

    assert "Would withdraw the key Nightly report" in run("revoke_api_key", prefix, "--dry-run")
    assert ask(first.secret).status_code == 200
    assert f"Withdrew the key Nightly report ({prefix})." in run("revoke_api_key", prefix)
    assert "was withdrawn before" in run("revoke_api_key", prefix)
    run("revoke_api_key", str(second.key.pk))
    assert [ask(new.secret).status_code for new in (first, second)] == [401, 401]
    assert actions("api_key").count("api_key.revoked") == 2


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("lac_abcdefghij", "No key has the prefix or id"),
        ("", "No key has the prefix or id"),
        ("019aa54c-7a3e-7c01-9f52-0d6c8e0f4b11", "No key has the prefix or id"),
        ("lac_abcdefghij.secret", "does not belong on a command line"),
    ],
)
def test_a_key_that_is_not_named_is_not_withdrawn(admin: User, named: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as caught:
        run("revoke_api_key", named)
    assert ".secret" not in str(caught.value)


def test_who_is_no_admin_withdraws_their_own_keys_alone(admin: User) -> None:
    other = make_user("viewer", email="grace@example.org")
    new = make_key(admin)

    with pytest.raises(CommandError, match="No key has"):
        run("revoke_api_key", new.key.prefix, "--as=grace@example.org")
    own = make_key(other)
    run("revoke_api_key", own.key.prefix, "--as=grace@example.org")
    assert (ask(new.secret).status_code, ask(own.secret).status_code) == (200, 401)


def test_people_are_listed_and_not_logged(admin: User) -> None:
    make_user("viewer", email="grace@example.org", is_active=False)
    with capture_logs() as logs:
        everybody = as_json("list_people")
        text = run("list_people", "--inactive")

    assert [person["email"] for person in everybody["people"]] == [
        "ada@example.org",
        "grace@example.org",
    ]
    assert "grace@example.org" in text
    assert "deactivated" in text
    assert "ada@example.org" not in text
    assert "example.org" not in str(logs)
    assert as_json("list_people", "--role=viewer", "--active")["count"] == 0
