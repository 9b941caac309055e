"""Bringing every secret under the newest master key, while others write, are killed, or cheat."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from accounts.models import TotpDevice
from audit.models import Entry
from database.actor import acting_as, acting_as_system
from database.encryption import envelope, rewrapping
from database.encryption.local import LocalKeyring
from tests.database.encryption.rows import assert_all_readable, command, keys_in_use, make_safes
from tests.database.secretsapp.models import Drawer, OtherSafe, Safe
from tests.factories import make_user
from tests.jobs.workers import eventually

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_secret_comes_under_the_newest_key_and_stays_the_same(ring: LocalKeyring) -> None:
    old = ring.newest()
    safes = make_safes(25)
    OtherSafe.objects.create(code="other")
    Drawer.objects.create(safe=safes[0], content="drawer")
    new = ring.add().key_id

    told = command("rewrap_secrets", "--batch-size", "10")

    assert told == {
        "newest_key": new,
        "rewrapped": 52,
        "left": 0,
        "undecryptable": [],
        "rows_by_key": {new: 52},
        "dry_run": False,
    }
    assert keys_in_use() == {new} != {old}
    assert_all_readable()
    assert OtherSafe.objects.get().code.reveal() == "other"
    assert Drawer.objects.get().content.reveal() == "drawer"


def test_secrets_of_people_are_brought_along_whoever_the_command_runs_for(
    ring: LocalKeyring,
) -> None:
    users = [make_user(email=f"person{n}@example.org") for n in range(3)]
    with acting_as_system():
        for user in users:
            TotpDevice.objects.create(user=user, secret=f"secret of {user.email}")
    new = ring.add().key_id

    with acting_as(users[0].pk):  # who sees their own row alone
        assert TotpDevice.objects.count() == 1
        told = command("rewrap_secrets")

    assert told["rows_by_key"] == {new: 3}
    with acting_as_system():
        for device in TotpDevice.objects.select_related("user"):
            assert device.secret.reveal() == f"secret of {device.user.email}"
    entry = Entry.objects.filter(action="totp_device.updated").first()
    assert entry is not None
    assert json.loads(entry.payload)["changes"]["after"] == {"secret": "(hidden)"}


def test_only_the_wrapped_key_changes(ring: LocalKeyring) -> None:
    make_safes(1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM test_safes")
        before = envelope.Envelope.parse(bytes(cursor.fetchone()[0]))
        ring.add()
        command("rewrap_secrets")
        cursor.execute("SELECT code FROM test_safes")
        after = envelope.Envelope.parse(bytes(cursor.fetchone()[0]))

    assert (after.nonce, after.sealed) == (before.nonce, before.sealed)
    assert after.wrapped != before.wrapped
    assert len(after.wrapped) == 60


def test_a_second_run_has_nothing_to_do(ring: LocalKeyring) -> None:
    make_safes(3)
    ring.add()
    command("rewrap_secrets")

    assert command("rewrap_secrets")["rewrapped"] == 0


def test_a_dry_run_decrypts_and_changes_nothing(ring: LocalKeyring) -> None:
    make_safes(3)
    old = ring.newest()
    ring.add()
    told = command("rewrap_secrets", "--dry-run")

    assert told["rewrapped"] == 6
    assert told["rows_by_key"] == {old: 6}
    assert keys_in_use() == {old}


def test_a_run_is_an_entry_of_the_audit_log(ring: LocalKeyring) -> None:
    make_safes(1)
    new = ring.add().key_id
    command("rewrap_secrets")

    entry = Entry.objects.filter(resource_id="rewrap_secrets").get()
    assert entry.action == "command.ran"
    assert entry.details["rewrapped"] == 2
    assert entry.details["newest_key"] == new


def test_rows_that_cannot_be_decrypted_are_named_and_the_others_done(ring: LocalKeyring) -> None:
    safes = make_safes(6)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE test_safes SET code = (SELECT code FROM test_safes WHERE label = '2')"
            " WHERE label = '1'"
        )
        cursor.execute(
            "UPDATE test_safes SET code = set_byte(code, octet_length(code) - 1, 0)"
            " WHERE label = '3' AND get_byte(code, octet_length(code) - 1) <> 0"
        )
        cursor.execute(
            "UPDATE test_safes SET code = set_byte(code, 0, 7), papers = NULL WHERE label = '4'"
        )
    new = ring.add().key_id

    told = command("rewrap_secrets", "--batch-size", "2")

    rows = {row["row"]: row["why"] for row in told["undecryptable"]}
    assert (
        {str(safes[1].pk), str(safes[4].pk)} <= set(rows) <= {str(safes[n].pk) for n in (1, 3, 4)}
    )
    assert rows[str(safes[4].pk)] == "it does not begin as an envelope does"
    assert {row["table"] for row in told["undecryptable"]} == {"test_safes"}
    assert told["exit_code"] == 1
    assert told["left"] == 0
    assert told["rows_by_key"][new] == 11 - len(rows)
    assert Safe.objects.get(label="5").code.reveal() == "code 5"
    assert Entry.objects.filter(resource_id="rewrap_secrets").get().outcome == "partial"


def test_an_envelope_that_is_not_one_does_not_stop_the_run(ring: LocalKeyring) -> None:
    make_safes(2)
    connection.cursor().execute(
        "UPDATE test_safes SET code = %s WHERE label = '0'", [b"\x01\xff" + b"x" * 60]
    )
    ring.add()

    told = command("rewrap_secrets")

    assert [row["why"] for row in told["undecryptable"]] == ["it is shorter than it says"]
    assert told["rewrapped"] == 3


def test_a_row_that_changes_under_its_hands_is_not_overwritten(
    ring: LocalKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    [safe] = make_safes(1)
    ring.add()
    real = rewrapping._write

    def late(*arguments: Any) -> int:
        mine = Safe.objects.get(pk=safe.pk)
        mine.code = "code 0 newer"
        mine.save()
        return real(*arguments)

    monkeypatch.setattr(rewrapping, "_write", late)
    monkeypatch.setattr(rewrapping, "PAUSE", 0)
    told = command("rewrap_secrets")

    assert Safe.objects.get().code.reveal() == "code 0 newer"
    assert told["left"] == 0
    assert told["undecryptable"] == []


def test_a_row_that_somebody_holds_is_left_and_told(
    ring: LocalKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrapping, "PAUSE", 0)
    old = ring.newest()
    make_safes(3)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Safe.objects.select_for_update().get(label="1")
            held.set()
            done.wait(30)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    try:
        new = ring.add().key_id
        told = command("rewrap_secrets")
    finally:
        done.set()
        holder.join()

    assert told["left"] == 2
    assert told["exit_code"] == 1
    assert told["rows_by_key"] == {old: 2, new: 4}
    assert command("rewrap_secrets")["left"] == 0
    assert_all_readable()


def test_a_key_that_went_missing_leaves_its_rows_alone(ring: LocalKeyring) -> None:
    make_safes(2)
    old = ring.newest()
    new = ring.add().key_id
    ring.remove(old)

    told = command("rewrap_secrets")

    assert told["exit_code"] == 1
    assert told["rewrapped"] == 0
    assert told["rows_by_key"] == {old: 4}
    assert {row["why"][:33] for row in told["undecryptable"]} == {f"its master key {old}"}
    assert told["newest_key"] == new


def test_a_damaged_keyring_ends_the_run_with_a_sentence(ring: LocalKeyring) -> None:
    make_safes(1)
    django_settings.SECRETS_KEYRING.write_text("")

    with pytest.raises(CommandError, match="is damaged"):
        call_command("rewrap_secrets")


def test_writers_go_on_while_two_thousand_secrets_are_rewrapped(ring: LocalKeyring) -> None:
    safes = make_safes(1000)
    old = ring.newest()
    failures: list[BaseException] = []
    written: dict[int, int] = {}
    stop = threading.Event()

    def write(first: int) -> None:
        try:
            turn = 0
            while not stop.is_set():
                turn += 1
                safe = Safe.objects.get(pk=safes[(first + turn * 7) % 1000].pk)
                if turn % 3:
                    safe.code = f"code {safe.label} again {first} {turn}"
                    written[int(safe.label)] = written.get(int(safe.label), 0) + 1
                else:
                    safe.spare = "spare"
                safe.save()
                assert safe.papers.reveal() == {"number": int(safe.label)}
        except BaseException as error:  # a thread's failure is the test's
            failures.append(error)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write, args=[first]) for first in (0, 500)]
    for writer in writers:
        writer.start()
    try:
        new = ring.add().key_id
        told = command("rewrap_secrets", "--batch-size", "50")
    finally:
        stop.set()
        for writer in writers:
            writer.join()

    assert failures == []
    assert written
    assert told["undecryptable"] == []
    final = command("rewrap_secrets")
    assert final["left"] == 0
    assert set(final["rows_by_key"]) == {new} != {old}
    assert_all_readable()
    changed = {int(safe.label) for safe in Safe.objects.all() if "again" in safe.code.reveal()}
    assert changed == set(written)


_SLOW_RUN = """
import time
from database.encryption import rewrapping
real = rewrapping._write
def slow(*arguments):
    print("batch", flush=True)
    done = real(*arguments)
    time.sleep(0.02)
    return done
rewrapping._write = slow
from django.core.management import call_command
call_command("rewrap_secrets", "--batch-size", "10")
"""


def rewrap_in_a_process() -> subprocess.Popen[str]:
    """Says "batch" before each batch is written."""
    code = f"import django; django.setup()\n{_SLOW_RUN}"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=django_settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE_NAME": connection.settings_dict["NAME"],
            "SECRETS_KEYRING": str(django_settings.SECRETS_KEYRING),
        },
        stdout=subprocess.PIPE,
        text=True,
    )


def is_free() -> bool:
    """Whether nobody holds the command's lock."""
    key = "hashtextextended('command rewrap_secrets', 0)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT CASE WHEN pg_try_advisory_lock({key}) THEN pg_advisory_unlock({key}) END"
        )
        return cursor.fetchone()[0] is True


@pytest.mark.heavy
def test_a_run_that_is_killed_again_and_again_loses_nothing(ring: LocalKeyring) -> None:
    make_safes(300)
    new = ring.add().key_id

    for batches in (1, 3, 6, 9):
        with rewrap_in_a_process() as run:
            try:
                assert run.stdout is not None
                for _ in range(batches):
                    assert run.stdout.readline() == "batch\n"
            finally:
                run.send_signal(signal.SIGKILL)
        assert run.returncode == -signal.SIGKILL
        eventually(is_free, within=30)  # the lock goes with the killed one's connection
        assert_all_readable()

    assert len(keys_in_use()) == 2
    told = command("rewrap_secrets")
    assert 0 < told["rewrapped"] < 600
    assert told["rows_by_key"] == {new: 600}
    assert_all_readable()
