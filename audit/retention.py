"""Retiring months: exported whole, recorded in the log, detached. Nothing is deleted.

The batches and tiles stay, so every proof that was ever given still verifies, and the verification
of the log knows from the log itself which entries it need not find any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from audit import evidence, keyring
from audit.errors import RetentionRefused
from audit.proofs import bundles, canonical
from audit.proofs.errors import ProofError
from audit.retention_record import ids_digest
from database import partitions, roles
from database.connections import own_connection

_TABLE: Final = "audits.audit_log"
# How long the table may be locked against writers who come in between.
_LOCK_WAIT: Final = "5s"
_PUBLISHED: Final = "SELECT coalesce(max(size), 0) FROM audits.audit_publication"
_ATTESTED_HERE: Final = """
    SELECT r.partition, r.entries, r.ids::text, r.file_name, r.file_sha256
    FROM audits.audit_retired r
    WHERE EXISTS (
        SELECT FROM {partition} l
        WHERE l.action = 'audit_month.retired' AND l.resource_id = r.partition
    )
    ORDER BY r.partition
"""


@dataclass(frozen=True, slots=True)
class Retired:
    """A month that was retired: its table, which stays, and the file that holds its entries."""

    partition: str
    entries: int
    file: Path
    sha256: str


def due(*, older_than: int, using: str = DEFAULT_DB_ALIAS) -> list[partitions.Partition]:
    """The months that ended more than so many days ago, the oldest first."""
    with closing(own_connection(using)) as connection:
        row = connection.execute("SELECT (now() AT TIME ZONE 'UTC')::date").fetchone()
    assert row is not None, "the server has a clock"
    limit: date = row[0] - timedelta(days=older_than)
    return [
        one
        for one in partitions.list_partitions(_TABLE, using=using)
        if one.month is not None and _month_after(one.month) <= limit
    ]


def retire(partition: str, folder: Path, *, using: str = DEFAULT_DB_ALIAS) -> Retired:
    """Export one month to a file, read the file back, record that, and detach the month.

    The record and the detachment are one transaction of the owner. RetentionRefused, and nothing
    has changed but a file that may be there, when an entry is not sealed or not yet published, or
    when the table is too busy to be locked.
    """
    with closing(own_connection(using)) as connection:
        numbers = [
            row[0] for row in connection.execute(f"SELECT id FROM {_quoted(partition)} ORDER BY id")
        ]
        published = connection.execute(_PUBLISHED).fetchone()
    file = folder / f"{partition}.jsonl"
    if numbers:
        sha256 = _export(file, numbers, partition, published[0] if published else 0, using)
    else:
        sha256 = ""
    with closing(
        own_connection(
            using,
            application_name="lacuna retention",
            login=settings.DATABASE_OWNER,
            role=roles.OWNER,
        )
    ) as owner:
        try:
            with owner.transaction():
                _record_and_detach(owner, partition, numbers, file, sha256)
        except psycopg.errors.LockNotAvailable:
            raise RetentionRefused(
                f"{partition}: the audit log was too busy for {_LOCK_WAIT} to be locked. Nothing"
                f" was detached; remove {file} and try again."
            ) from None
    return Retired(partition, len(numbers), file, sha256)


def _export(file: Path, numbers: list[int], partition: str, published: int, using: str) -> str:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise RetentionRefused(f"{file.parent} cannot be made: {error.strerror}.") from None
    summary = evidence.write_file(file, entries=numbers, using=using)
    problem = ""
    if summary.waiting:
        problem = f"{summary.waiting} of its entries are not sealed yet"
    elif summary.size > published:
        problem = "its entries are sealed, but no checkpoint that covers them is published yet"
    else:
        try:
            with file.open("rb") as stream:
                held = bundles.read(stream, keyring.trusted())
            if sum(isinstance(leaf, bundles.EntryLeaf) for leaf in held.leaves) != len(numbers):
                problem = "the file does not hold all of its entries"
        except (ProofError, OSError) as error:
            problem = f"the file could not be read back ({error})"
    if problem:
        file.unlink(missing_ok=True)
        raise RetentionRefused(f"{partition} cannot be retired: {problem}. Nothing was changed.")
    return summary.sha256


def _record_and_detach(
    owner: psycopg.Connection[Any], partition: str, numbers: list[int], file: Path, sha256: str
) -> None:
    owner.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
    owner.execute(f"LOCK TABLE {_TABLE} IN ACCESS EXCLUSIVE MODE")
    name = _quoted(partition)
    row = owner.execute(
        f"SELECT count(*), coalesce(range_agg(int8range(id, id + 1)), '{{}}')::text FROM {name}"
    ).fetchone()
    assert row is not None, "an aggregate has a row"
    entries, ids = row
    if entries != len(numbers):
        raise RetentionRefused(
            f"{partition} changed while it was exported: it has {entries} entries now, and"
            f" {len(numbers)} were exported. Nothing was detached; remove {file} and look why."
        )
    # What earlier months rely on moves out of sight with this one, so it is said anew.
    earlier = owner.execute(_ATTESTED_HERE.format(partition=name)).fetchall()
    for again in [*earlier, (partition, entries, ids, file.name, sha256)]:
        _attest(owner, again)
    owner.execute(
        "INSERT INTO audits.audit_retired (partition, entries, ids, file_name, file_sha256)"
        " VALUES (%s, %s, %s::int8multirange, %s, %s)",
        [partition, entries, ids, file.name, sha256],
    )
    owner.execute(f"ALTER TABLE {_TABLE} DETACH PARTITION {name}")
    # Detaching takes the triggers of the whole away.
    owner.execute(
        f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {name}"
        " FOR EACH ROW EXECUTE FUNCTION audits.refuse_change()"
    )


def _attest(owner: psycopg.Connection[Any], month: tuple[str, int, str, str, str]) -> None:
    """Say in the log that this month is retired: its name, entries, their numbers, its file."""
    partition, entries, ids, file_name, sha256 = month
    details = {
        "entries": entries,
        "ids_sha256": ids_digest(ids),
        "file": file_name,
        "file_sha256": sha256,
    }
    owner.execute(
        "INSERT INTO audits.audit_log (action, resource_type, resource_id, payload)"
        " VALUES ('audit_month.retired', 'audit_month', %s, %s)",
        [partition, canonical.dumps({"details": details, "source": "command"})],
    )


def retired(*, using: str = DEFAULT_DB_ALIAS) -> Iterator[tuple[str, int, str, str, datetime]]:
    """The months that were retired: name, entries, file, its SHA-256, when."""
    with closing(own_connection(using)) as connection:
        yield from connection.execute(
            "SELECT partition, entries, file_name, file_sha256, retired_at"
            " FROM audits.audit_retired ORDER BY partition"
        )


def _quoted(partition: str) -> str:
    return psycopg.sql.Identifier("audits", partition).as_string(None)


def _month_after(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)
