"""The log on another server: restored from a dump, and with transactions prepared for commit."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as site
from django.db import connection, transaction

from audit import keyring, rotation
from audit.errors import SealingRefused
from audit.recording import record
from audit.sealing import running
from audit.sealing.sealer import connect
from database import embedded
from database.embedded import binaries
from tests.audit.sealing.processes import eventually
from tests.audit.sealing.test_running import InThread
from tests.audit.sealing.wholeness import assert_whole, sealed_in_order, settle, waiting

pytestmark = pytest.mark.django_db(transaction=True)

Connection = psycopg.Connection[Any]
Enter = Callable[[], Any]
_INSERT = "INSERT INTO audits.audit_log (action) VALUES ('setting.updated') RETURNING id"


def write(number: int = 1) -> None:
    with transaction.atomic():
        for _ in range(number):
            record("setting.updated", subject=("setting", "x"))
    settle()


def program(name: str, *arguments: str) -> None:
    run = subprocess.run(
        [binaries.find() / "bin" / name, *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.fixture
def second(open_path: Path) -> Iterator[Path]:
    """Another server, with roles and an empty database."""
    if site.EMBEDDED_HOME is None:
        pytest.skip("the logins of a configured server are not those of a private one")
    home = open_path / "second"
    embedded.ensure_running(home, fast=True, settings={"max_prepared_transactions": 4})
    yield home
    embedded.stop(home)
    shutil.rmtree(embedded.socket_directory(home), ignore_errors=True)


@pytest.fixture
def dump(transactional_db: None, ring: keyring.Keyring, open_path: Path) -> Callable[[], Path]:
    def make() -> Path:
        with connect() as own:
            host, port, name = own.info.host, own.info.port, own.info.dbname
        file = open_path / "dump"
        user = site.DATABASE_ADMIN["USER"]
        where = ["-h", host, "-p", str(port), "-U", user, "-d", name]
        program("pg_dump", "-Fc", "-f", str(file), *where)
        return file

    return make


@pytest.fixture
def moved(second: Path, settings: Any) -> Callable[[Path], Any]:
    """Restores a dump into the other server; inside, that one is ours."""
    sockets = embedded.socket_directory(second)

    @contextmanager
    def enter(file: Path) -> Iterator[None]:
        program("pg_restore", "-h", str(sockets), "-U", "postgres", "-d", "lacuna", str(file))
        before = connection.settings_dict["NAME"]
        connection.close()
        settings.EMBEDDED_HOME = second
        settings.DATABASE_SEALER = {"USER": "lacuna_sealer"}
        connection.settings_dict["NAME"] = "lacuna"
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
            settings.EMBEDDED_HOME = site_home

    site_home = settings.EMBEDDED_HOME
    return enter


def restorations() -> list[str]:
    with connect() as own:
        rows = own.execute(
            "SELECT payload FROM audits.audit_log WHERE action = 'audit_log.restored' ORDER BY id"
        ).fetchall()
    return [row[0] for row in rows]


def test_a_restored_log_goes_on_in_a_new_era(
    dump: Callable[[], Path], moved: Callable[[Path], Any], ring: keyring.Keyring
) -> None:
    for _ in range(3):
        write(4)
        running.seal_once()
    write(5)
    assert waiting() == 5
    sealed = sealed_in_order()

    with moved(dump()):
        write(2)
        totals = running.seal_once()

        assert totals.problem == ""
        assert waiting() == 0
        assert sealed_in_order()[: len(sealed)] == sealed
        assert_whole(ring)
        [told] = restorations()
        assert '"era":2' in told
        with connect() as own:
            eras = own.execute("SELECT era, system_identifier FROM audits.audit_era ORDER BY era")
            (first, here), (second, there) = eras.fetchall()
            headers = own.execute("SELECT header FROM audits.audit_batch").fetchall()
        assert (first, second) == (1, 2)
        assert {header.split("\n")[-2] for (header,) in headers} == {here, there}
        # It lives on as any other.
        write(3)
        running.seal_once()
        assert waiting() == 0
        assert_whole(ring)
        assert len(restorations()) == 1


def test_a_restored_log_that_lost_what_others_saw_waits_for_a_word(
    dump: Callable[[], Path], moved: Callable[[Path], Any], ring: keyring.Keyring
) -> None:
    write(4)
    running.seal_once()
    file = dump()
    write(10)
    lost = running.seal_once().size

    with moved(file):
        write(1)
        with pytest.raises(SealingRefused, match=f"has seen {lost} leaves of the log, but only 5"):
            running.seal_once()
        rotation.restart("second.example/audit", "The disk burnt.")
        settle()
        running.seal_once()

        assert waiting() == 0
        assert_whole(keyring.load())
        by_word, by_itself = restorations()
        assert f'"leaves":{lost - 5}' in by_word
        assert '"era":2' in by_itself


def test_the_sealer_outlives_its_server(
    dump: Callable[[], Path], moved: Callable[[Path], Any], ring: keyring.Keyring, second: Path
) -> None:
    with moved(dump()):
        alive = InThread()
        try:
            write(2)
            eventually(lambda: waiting() == 0)
            for _ in range(2):
                connection.close()
                embedded.stop(second)
                write(2)  # the next to ask starts it again
                eventually(lambda: waiting() == 0)
        finally:
            connection.close()
            totals = alive.end()
        assert isinstance(totals, running.Totals)
        assert totals.entries >= 6
        assert_whole(ring)


def test_a_prepared_transaction_holds_the_order_back(
    dump: Callable[[], Path], moved: Callable[[Path], Any], ring: keyring.Keyring, second: Path
) -> None:
    def insert(own: Connection) -> int:
        row = own.execute(_INSERT).fetchone()
        assert row is not None
        return int(row[0])

    with moved(dump()):
        address = f"host={embedded.socket_directory(second)} user=lacuna_app dbname=lacuna"
        with (
            psycopg.connect(address, autocommit=True) as first,
            psycopg.connect(address, autocommit=True) as other,
        ):
            running.seal_once()
            first.execute("BEGIN")
            late = insert(first)
            first.execute("PREPARE TRANSACTION 'audit order'")
            after = insert(other)
            running.seal_once()
            assert waiting() == 1, "what is prepared is not visible yet"
            other.execute("COMMIT PREPARED 'audit order'")
            settle()
            running.seal_once()

        assert sealed_in_order()[-2:] == [late, after]
        assert_whole(ring)
