"""Whether a log is whole, by its own arithmetic: once each entry, in order, under a signed root."""

from __future__ import annotations

import struct
from typing import Any

from django.db import connection

from audit import keyring
from audit.proofs import checkpoints, hashes
from audit.proofs.entries import NO_BATCH, BatchHeader, ids_hash
from audit.proofs.sources import ListSource
from audit.proofs.trees import root
from audit.sealing.sealer import connect
from audit.sealing.store import Connection
from database.connections import as_admin, own_connection
from tests.audit.sealing.processes import eventually


def sealed_in_order() -> list[int]:
    """The ids of all sealed entries."""
    with connect() as own:
        rows = own.execute("SELECT ids FROM audits.audit_batch ORDER BY batch_no").fetchall()
    return [number for (ids,) in rows for number in struct.unpack(f">{len(ids) // 8}q", ids)]


def begin_empty() -> None:
    """Remove what tests without transactions of their own left: some entries outlive a rollback."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM audits.audit_log)")
        if not cursor.fetchone()[0]:
            return
    with as_admin(connection), own_connection() as administrator:
        administrator.execute("SET session_replication_role = replica")
        administrator.execute("TRUNCATE audits.audit_log, audits.audit_personal")


def settle() -> None:
    """Wait until nothing keeps what was written from being sealed.

    The horizon is the whole server's: another database's transaction, of the test beside this one,
    holds it back as well as our own.
    """
    with connect() as own:
        row = own.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        assert row is not None
        eventually(lambda: _horizon(own) > row[0])


def _horizon(own: Connection) -> int:
    row = own.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchone()
    assert row is not None
    return int(row[0])


def waiting() -> int:
    """How many entries are not sealed yet."""
    with connect() as own:
        row = own.execute("SELECT count(*) FROM audits.audit_log").fetchone()
    assert row is not None
    return int(row[0]) - len(sealed_in_order())


def assert_whole(ring: keyring.Keyring) -> None:
    """Every entry is sealed once; every link and every signature holds."""
    with connect() as own:
        entries: dict[int, tuple[int, bytes]] = {
            row[0]: (row[1], bytes(row[2]))
            for row in own.execute("SELECT id, xid, leaf FROM audits.audit_log")
        }
        batches: list[Any] = own.execute(
            "SELECT batch_no, ids, leaves, prev_hash, batch_hash, header, root, note, first_seq"
            " FROM audits.audit_batch ORDER BY batch_no"
        ).fetchall()
    order = sealed_in_order()
    assert len(order) == len(set(order)), "an entry was sealed twice"
    assert set(order) == set(entries), "an entry was missed, or sealed without being there"
    leaves, previous = b"", NO_BATCH
    for expected, batch in enumerate(batches, start=1):
        number, ids, own_leaves, linked, batch_hash, header, signed_root, note, first = batch
        parsed = BatchHeader.parse(header.encode())
        numbers = struct.unpack(f">{len(ids) // 8}q", ids)
        assert (number, linked, parsed.previous) == (expected, previous, previous)
        assert b"".join(entries[entry][1] for entry in numbers) == own_leaves
        assert parsed.ids_hash == ids_hash(numbers)
        assert first == parsed.first_seq == hashes.count(leaves)
        previous = parsed.leaf()
        assert batch_hash == previous
        leaves += own_leaves + previous
        opened = checkpoints.open_checkpoint(note, ring.pins()).checkpoint
        assert (opened.size, opened.root) == (hashes.count(leaves), signed_root)
    assert root(hashes.count(leaves), ListSource(leaves)) == batches[-1][6]
