"""The operators' command for the keys of access tokens."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.tokens import keyring
from audit.models import Entry
from tests.accounts.sessions.devices import ask_with, program
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def file(tmp_path: Path, settings: Any) -> Path:
    settings.TOKEN_KEYRING = tmp_path / "keyring.json"
    settings.TOKEN_KEYRING_IS_MADE = False
    return tmp_path / "keyring.json"


def run(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("token_keys", *words, "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def states(told: dict[str, Any]) -> list[str]:
    return [key["state"].split(" 2")[0] for key in told["keys"]]


def test_keys_are_rotated_without_anybody_noticing() -> None:
    first = run("create")["key"]
    tokens = program(make_user("viewer"))

    second = run("add", "--now")["key"]
    newer = program(make_user("viewer"))
    told = run("retire", first)

    assert states(told) == ["retired, verifies", "signs"]
    assert jwt.get_unverified_header(tokens.access)["kid"] == first
    assert jwt.get_unverified_header(newer.access)["kid"] == second
    assert [ask_with(tokens), ask_with(newer)] == [200, 200]


def test_a_stolen_key_is_replaced_at_once() -> None:
    stolen = run("create")["key"]
    tokens = program(make_user("viewer"))
    run("add", "--now")

    run("remove", stolen)

    assert ask_with(tokens) == 401
    assert ask_with(program(make_user("viewer"))) == 200


def test_a_key_waits_until_others_know_it() -> None:
    run("create")

    assert states(run("add")) == ["signs", "signs from"]
    assert states(run("add", "--in-minutes", "1")) == ["signs", "signs from", "signs from"]
    published = Client().get("/api/v1/auth/keys/").json()["keys"]
    assert [key["kid"] for key in published] == [key["kid"] for key in run("show")["keys"]]
    assert all("d" not in key for key in published)


def test_each_change_is_an_entry_and_tells_no_key(file: Path) -> None:
    first = run("create")["key"]
    run("add", "--now")
    run("retire", first)
    run("remove", first)

    entries = list(Entry.objects.filter(resource_type="token_key").order_by("id"))
    secrets = [key["secret"] for key in json.loads(file.read_text())["keys"]]
    assert [entry.action.partition(".")[2] for entry in entries] == [
        "created",
        "added",
        "retired",
        "removed",
    ]
    assert entries[2].resource_id == first
    assert not [secret for secret in secrets for entry in entries if secret in entry.payload]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show"], "token_keys create"),
        (["add"], "There is no keyring"),
        (["retire", "x"], "There is no keyring"),
        (["add", "--in-minutes", "99999999"], "There is no keyring"),
    ],
)
def test_without_a_keyring_the_operator_is_told_what_to_do(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*words)


def test_what_cannot_be_done_is_refused_and_changes_nothing(file: Path) -> None:
    only = run("create")["key"]
    before = file.read_text()

    for words, sentence in (
        (["create"], "exists already"),
        (["retire", only], "no key would sign"),
        (["remove", only], "no key would sign"),
        (["retire", "nobody"], "There is no key 'nobody'"),
    ):
        with pytest.raises(CommandError, match=sentence):
            run(*words)

    assert file.read_text() == before
    assert Entry.objects.filter(resource_type="token_key").count() == 1


def test_a_person_reads_one_line_for_each_key() -> None:
    made = run("create")["key"]
    out = io.StringIO()

    call_command("token_keys", "show", stdout=out)

    assert f"{made}  signs, made 20" in out.getvalue()
    assert keyring.current().signer().kid == made
