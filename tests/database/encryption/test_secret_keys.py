"""``manage.py secret_keys``: making, adding, listing and retiring master keys."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from audit.models import Entry
from database.encryption import rotation
from database.encryption.errors import KeyringError
from database.encryption.local import LocalKeyring
from tests.database.encryption.rows import assert_all_readable, command, make_safes, settle
from tests.database.secretsapp.models import Safe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(settings: Any) -> Path:
    found: Path = settings.SECRETS_KEYRING
    return found


@pytest.mark.usefixtures("configured_server")
def test_the_keyring_is_made_once(file: Path) -> None:
    file.unlink()

    made = command("secret_keys", "create")

    assert made["keys"] == {made["key"]: 0}
    assert made["newest_key"] == made["key"]
    assert json.loads(file.read_text())["keys"][0]["id"] == made["key"]
    with pytest.raises(CommandError, match="exists already; it is not overwritten"):
        command("secret_keys", "create")


@pytest.mark.usefixtures("configured_server")
def test_a_lost_keyring_is_not_replaced_silently(file: Path) -> None:
    make_safes(2)
    lost = json.loads(file.read_text())["keys"][0]["id"]
    file.unlink()

    with pytest.raises(CommandError, match=rf"4 secrets are encrypted under .*\({lost}\)"):
        command("secret_keys", "create")

    assert not file.exists()
    Safe.objects.all().delete()
    assert command("secret_keys", "create")["keys"]


def test_keys_come_and_go_with_their_entries(ring: LocalKeyring, file: Path) -> None:
    make_safes(2)
    old = ring.newest()
    new = command("secret_keys", "add")["key"]
    make_safes(1)
    assert command("secret_keys", "list")["keys"] == {old: 4, new: 2}

    command("rewrap_secrets")
    settle(file)
    told = command("secret_keys", "retire", old)

    assert told["keys"] == {new: 6}
    assert ring.names() == [new]
    assert_all_readable()
    entries = Entry.objects.filter(resource_id="secret_keys").order_by("id")
    assert [(entry.details["what"], entry.details["key"]) for entry in entries] == [
        ("add", new),
        ("retire", old),
    ]


def test_a_key_that_still_wraps_is_not_retired(ring: LocalKeyring, file: Path) -> None:
    make_safes(2)
    old = ring.newest()
    ring.add()
    settle(file)

    with pytest.raises(
        CommandError, match=r"still wraps secrets: 2 in test_safes\.code, 2 in test_safes\.papers"
    ):
        command("secret_keys", "retire", old)

    assert old in ring.names()


def test_a_key_is_not_retired_before_it_has_settled(ring: LocalKeyring, file: Path) -> None:
    old = ring.newest()
    ring.add()
    settle(file, minutes=9)
    with pytest.raises(CommandError, match="wrapped until a moment ago"):
        command("secret_keys", "retire", old)

    settle(file, minutes=11)
    assert old not in command("secret_keys", "retire", old)["keys"]


def test_the_key_that_wraps_and_an_unknown_one_are_not_retired(ring: LocalKeyring) -> None:
    with pytest.raises(CommandError, match="is the key that wraps now. Add another first"):
        command("secret_keys", "retire", ring.newest())
    with pytest.raises(CommandError, match=f"no key 'x'. It has: {ring.newest()}"):
        command("secret_keys", "retire", "x")


def test_a_secret_that_is_being_written_under_the_key_is_waited_for(
    ring: LocalKeyring, file: Path
) -> None:
    old = ring.newest()
    written, done = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            Safe.objects.create(label="0", code="code 0")
            written.set()
            done.wait(30)
        connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    written.wait(30)
    ring.add()
    settle(file)
    said: list[str] = []

    def retire() -> None:
        try:
            rotation.retire(old)
        except KeyringError as error:
            said.append(str(error))
        finally:
            connections.close_all()

    retiring = threading.Thread(target=retire)
    retiring.start()
    retiring.join(0.3)
    waited = retiring.is_alive()
    done.set()
    writer.join()
    retiring.join()

    assert waited
    assert said
    assert said[0].startswith(f"{old} still wraps secrets: 1 in test_safes.code.")
    assert_all_readable()


def test_a_writer_that_does_not_end_is_not_waited_for_for_ever(
    ring: LocalKeyring,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    administrator: psycopg.Connection[tuple[Any, ...]],
) -> None:
    monkeypatch.setattr(rotation, "_LOCK_WAIT", "100ms")
    old = ring.newest()
    ring.add()
    settle(file)
    with administrator.transaction():
        administrator.execute("LOCK TABLE test_safes IN ROW EXCLUSIVE MODE")
        with pytest.raises(CommandError, match="in a transaction that does not end"):
            command("secret_keys", "retire", old)

    assert old in ring.names()


def test_keys_that_are_in_rows_alone_are_listed(ring: LocalKeyring) -> None:
    make_safes(1)
    old = ring.newest()
    new = ring.add().key_id
    ring.remove(old)

    assert command("secret_keys", "list")["keys"] == {new: 0, old: 2}
    assert not Entry.objects.filter(resource_id="secret_keys").exists()


def test_people_are_told_what_to_do_next(ring: LocalKeyring, file: Path) -> None:
    old, out = ring.newest(), io.StringIO()
    call_command("secret_keys", "add", stdout=out)
    settle(file)
    call_command("secret_keys", "retire", old, stdout=out)
    call_command("rewrap_secrets", stdout=out)

    told = out.getvalue().replace("\n", " ")
    assert "Back the keyring up, then run: python manage.py rewrap_secrets" in told
    assert f"Removed {old}. Backups of the database from before need it" in told
    assert f"{ring.newest()}: 0 secrets, wraps now" in told
    assert f"Rewrapped 0 secrets with {ring.newest()}." in told


def test_a_damaged_keyring_is_told_in_a_sentence(file: Path) -> None:
    file.write_text("{}")

    for words in (["list"], ["add"], ["retire", "local-000000000000"]):
        with pytest.raises(CommandError, match="is damaged"):
            command("secret_keys", *words)


def test_before_the_tables_are_there_they_are_asked_for(
    ring: LocalKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "missing_tables", lambda: ["test_safes"])

    for words in (["secret_keys", "create"], ["secret_keys", "list"], ["rewrap_secrets"]):
        with pytest.raises(CommandError, match="test_safes do not exist yet. Run: python manage"):
            command(*words)


def test_every_row_is_counted_whoever_asks() -> None:
    make_safes(1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        before = cursor.fetchone()
        assert sum(sum(found.values()) for found in rotation.wrapped().values()) == 2
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == before
