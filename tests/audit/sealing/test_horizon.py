"""What transactions do to the order: long ones, those rolled back; and two sealers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from audit import keyring
from audit.sealing.sealer import AnotherSealer, Sealer, connect
from database.connections import own_connection
from tests.audit.sealing.wholeness import assert_whole, sealed_in_order, settle

pytestmark = pytest.mark.django_db(transaction=True)

Connection = psycopg.Connection[Any]
_INSERT = "INSERT INTO audits.audit_log (action) VALUES ('setting.updated') RETURNING id"


def insert(writer: Connection) -> int:
    row = writer.execute(_INSERT).fetchone()
    assert row is not None
    return int(row[0])


def write(writer: Connection) -> None:
    insert(writer)
    settle()


@pytest.fixture
def writers(transactional_db: None) -> Iterator[tuple[Connection, Connection]]:
    with own_connection() as first, own_connection() as second:
        yield first, second


def test_nothing_behind_an_open_transaction_is_sealed_before_it_ends(
    sealer: Sealer, ring: keyring.Keyring, writers: tuple[Connection, Connection]
) -> None:
    slow, quick = writers
    before = insert(quick)
    settle()
    with slow.transaction():
        late = insert(slow)
        after = insert(quick)
        assert [sealed.entries for sealed in sealer.drain()] == [1]
        assert sealer.step() is None
    settle()
    assert [sealed.entries for sealed in sealer.drain()] == [2]

    assert sealed_in_order() == [before, late, after]
    assert_whole(ring)


def test_what_was_rolled_back_is_not_there(
    sealer: Sealer, ring: keyring.Keyring, writers: tuple[Connection, Connection]
) -> None:
    writer, _ = writers
    with writer.transaction():
        first = insert(writer)
        with writer.transaction(force_rollback=True):
            insert(writer)
        with writer.transaction():
            second = insert(writer)
    with writer.transaction(force_rollback=True):
        insert(writer)
    settle()
    list(sealer.drain())

    assert sealed_in_order() == [first, second]
    assert_whole(ring)


def test_of_two_sealers_that_think_they_are_alone_the_late_one_is_refused(
    sealer: Sealer, ring: keyring.Keyring, writers: tuple[Connection, Connection]
) -> None:
    write(writers[0])
    list(sealer.drain())
    sealer._connection.execute("SELECT pg_advisory_unlock_all()")
    write(writers[0])
    with connect() as own:
        other = Sealer(own, ring)
        write(writers[0])
        list(other.drain())
        write(writers[0])

        with pytest.raises(AnotherSealer, match="has sealed batch 2 of the audit log meanwhile"):
            sealer.step()
        list(other.drain())
    assert_whole(ring)


def test_a_sealer_whose_session_was_ended_seals_no_more(
    sealer: Sealer,
    ring: keyring.Keyring,
    writers: tuple[Connection, Connection],
    administrator: Connection,
) -> None:
    write(writers[0])
    administrator.execute(
        "SELECT pg_terminate_backend(%s, 5000)", [sealer._connection.info.backend_pid]
    )
    with connect() as own:
        list(Sealer(own, ring).drain())
        with pytest.raises(psycopg.OperationalError):
            sealer.step()
    assert_whole(ring)
