"""The sealer's life, from its start to SIGTERM."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.db import connection, transaction

from audit import keyring
from audit.proofs import checkpoints
from audit.proofs.checkpoints import Checkpoint, sign_checkpoint
from audit.publishing import witness as module
from audit.recording import record
from audit.sealing import running, sealer
from audit.sealing.running import Running
from tests.audit.publishing.witness_server import WitnessServer
from tests.audit.sealing.processes import SealerProcess, eventually
from tests.audit.sealing.wholeness import assert_whole, settle, waiting

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[..., SealerProcess]


def write(number: int = 1) -> None:
    with transaction.atomic():
        for _ in range(number):
            record("setting.updated", subject=("setting", "x"))


def write_and_seal() -> None:
    """An entry that is sealed by somebody who ends at once."""
    write()
    settle()
    running.seal_once()


def state() -> tuple[str, float]:
    """What the sealer says: its problem, and how many seconds ago it was seen."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT problem, extract(epoch FROM clock_timestamp() - last_seen_at)"
            " FROM audits.audit_sealer"
        )
        row = cursor.fetchone()
    return (row[0], float(row[1])) if row else ("nobody", 0.0)


def newest_note() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT note FROM audits.audit_batch ORDER BY batch_no DESC LIMIT 1")
        return str(cursor.fetchone()[0])


class InThread:
    """A sealer of this process, looking often."""

    def __init__(self) -> None:
        self.ending = threading.Event()
        self.outcome: running.Totals | Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            life = Running(interval=0.02, stopping=self.ending.is_set, look_again=0.1)
            self.outcome = life.run()
        except Exception as error:
            self.outcome = error

    def end(self) -> running.Totals | Exception | None:
        self.ending.set()
        self._thread.join(60)
        return self.outcome


@pytest.fixture
def alive(ring: keyring.Keyring) -> Iterator[InThread]:
    one = InThread()
    yield one
    one.end()


def outside(tmp_path: Path) -> Path:
    return tmp_path / "outside" / "tests.example_audit"


def test_sigterm_lets_it_seal_and_publish_what_is_there(
    start: Start, ring: keyring.Keyring, tmp_path: Path
) -> None:
    process = start("--interval", "0.05")
    for _ in range(3):
        write(5)
    eventually(lambda: waiting() == 0)
    process.send(signal.SIGTERM)

    assert process.wait() == 0, process.said
    assert_whole(ring)
    assert (outside(tmp_path) / "latest").read_text() == newest_note()


def test_a_second_one_ends_with_75(start: Start, sealer: sealer.Sealer) -> None:
    second, once = start(), start("--once")

    assert (second.wait(), once.wait()) == (75, 75)
    assert "Another process seals the audit log." in second.said


def test_it_goes_on_after_its_connection_was_cut(
    alive: InThread, ring: keyring.Keyring, administrator: psycopg.Connection[Any]
) -> None:
    for _ in range(2):
        write()
        eventually(lambda: waiting() == 0)
        administrator.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'lacuna sealer' AND datname = current_database()"
        )
        write()
        eventually(lambda: waiting() == 0)
    totals = alive.end()

    assert isinstance(totals, running.Totals)
    assert totals.entries == 4
    assert_whole(ring)


def test_what_somebody_saw_and_we_have_not_stops_it_until_that_is_mended(
    ring: keyring.Keyring, tmp_path: Path
) -> None:
    write_and_seal()
    ahead = outside(tmp_path) / f"{99:020d}"
    note = sign_checkpoint(Checkpoint(ring.origin, 99, bytes(32)), ring.signers())
    ahead.write_text(note)
    write()
    alive = InThread()
    try:
        eventually(lambda: "has seen 99 leaves of the log, but only 2" in state()[0])
        assert waiting() == 1
        assert state()[1] < 5
        ahead.unlink()
        eventually(lambda: waiting() == 0)
        eventually(lambda: state()[0] == "")
    finally:
        alive.end()
    assert_whole(ring)


def test_a_fork_found_while_publishing_stops_it(ring: keyring.Keyring, settings: Any) -> None:
    witness = WitnessServer()
    witness.known[ring.origin] = [pin.key for pin in ring.pins()]
    settings.AUDIT_PUBLISH = [witness.url]
    alive = InThread()
    try:
        write()
        eventually(lambda: ring.origin in witness.seen)
        witness.seen[ring.origin] = Checkpoint(ring.origin, 2, b"\x07" * 32)
        write()
        eventually(lambda: "another history" in state()[0])
        write()
        # While the witness cannot be asked, what it said still stands.
        witness.meddle = lambda _: (503, b"", {})
        before = waiting()
        eventually(lambda: len(witness.requests) > 8)
        assert waiting() == before > 0
        assert "another history" in state()[0]
        # It lost its state, and learns the log anew.
        witness.seen.clear()
        witness.meddle = lambda _: None
        eventually(lambda: waiting() == 0)
    finally:
        alive.end()
        witness.close()
    assert_whole(ring)


def test_a_target_that_is_away_does_not_keep_it_from_sealing(
    ring: keyring.Keyring, settings: Any
) -> None:
    settings.AUDIT_PUBLISH = ["http://127.0.0.1:1/w"]
    alive = InThread()
    try:
        for _ in range(3):
            write()
            eventually(lambda: waiting() == 0)
        eventually(lambda: "cannot be reached" in state()[0])
    finally:
        alive.end()
    assert_whole(ring)


def test_a_target_that_takes_its_time_does_not_delay_seals(
    ring: keyring.Keyring, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = WitnessServer()
    witness.known[ring.origin] = [pin.key for pin in ring.pins()]
    settings.AUDIT_PUBLISH = [witness.url]
    answering = threading.Event()
    # Longer than seals can be delayed by a transaction of the test beside this one.
    monkeypatch.setattr(module, "_TIMES", httpx.Timeout(100))
    monkeypatch.setattr(module, "_LONGEST", 100.0)

    def dawdle(_: str) -> None:
        answering.wait(100)

    witness.meddle = dawdle
    alive = InThread()
    try:
        write()
        eventually(lambda: len(witness.requests) == 1)
        for _ in range(5):
            write()
            eventually(lambda: waiting() == 0)
        assert len(witness.requests) == 1, "it has not answered yet"
    finally:
        answering.set()
        alive.end()
        witness.close()
    assert witness.seen[ring.origin].size == 12, "what was new went out at the end"


def test_new_keys_are_used_without_a_restart(alive: InThread, ring: keyring.Keyring) -> None:
    write()
    eventually(lambda: waiting() == 0)
    added = keyring.add_key(2)
    write()
    eventually(lambda: waiting() == 0)

    signed = checkpoints.open_checkpoint(newest_note(), keyring.load().pins()).signatures
    assert {signature.key for signature in signed} == {ring.keys[0].public, added}


def test_a_new_name_is_used_without_a_restart(
    alive: InThread, ring: keyring.Keyring, tmp_path: Path
) -> None:
    write()
    eventually(lambda: waiting() == 0)
    renamed = keyring.restart("second.example/audit", 2)
    write()
    eventually(lambda: waiting() == 0)
    totals = alive.end()

    assert isinstance(totals, running.Totals)
    assert newest_note().startswith("second.example/audit\n4\n")
    assert (tmp_path / "outside" / "second.example_audit" / "latest").exists()
    assert_whole(renamed)


def test_a_keyring_that_becomes_unreadable_is_told_and_the_known_keys_stay(
    alive: InThread, settings: Any
) -> None:
    write()
    eventually(lambda: waiting() == 0)
    settings.AUDIT_KEYRING.chmod(0o644)
    settings.AUDIT_KEYRING.touch()
    write()

    eventually(lambda: waiting() == 0)
    eventually(lambda: "Others may read the keyring" in state()[0])
    settings.AUDIT_KEYRING.chmod(0o600)
    eventually(lambda: state()[0] == "")


def test_when_nothing_happens_an_entry_says_that_the_sealer_lives(
    ring: keyring.Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "HEARTBEAT", timedelta(seconds=0.3))
    began = time.monotonic()
    alive = InThread()
    try:
        with connection.cursor() as cursor:

            def heartbeats() -> int:
                cursor.execute(
                    "SELECT count(*) FROM audits.audit_log WHERE action = 'audit_log.heartbeat'"
                )
                return int(cursor.fetchone()[0])

            eventually(lambda: heartbeats() >= 2)
            assert heartbeats() <= 1 + (time.monotonic() - began) / 0.3
    finally:
        alive.end()


def test_a_log_that_was_changed_is_not_sealed_on(
    ring: keyring.Keyring, administrator: psycopg.Connection[Any]
) -> None:
    write_and_seal()
    administrator.execute("SET session_replication_role = replica")
    administrator.execute("UPDATE audits.audit_batch SET batch_hash = sha256('x')")
    write()
    alive = InThread()
    try:
        eventually(lambda: "does not give the root that was signed" in state()[0])
    finally:
        alive.end()
    assert waiting() == 1


def test_without_a_keyring_it_ends(start: Start, settings: Any) -> None:
    settings.AUDIT_KEYRING = settings.AUDIT_KEYRING.with_name("damaged.json")
    settings.AUDIT_KEYRING.touch(0o600)
    process = start()

    assert process.wait() == 1
    assert "is damaged" in process.said
    assert "Traceback" not in process.said
