"""Any column of any sealed row, changed at random: it is always found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.tampering.sealed import Connection, SealedLog

# What a value of a type becomes, by a number drawn at random; never what it was.
_CHANGES = {
    "bigint": "{column} + {n}",
    "integer": "{column} + {n}",
    "smallint": "{column} + 1",
    "text": "overlay({column} PLACING chr(1 + ascii(substr({column}, {at}, 1))) FROM {at} FOR 1)",
    "bytea": "set_byte({column}, {at} - 1, 255 - get_byte({column}, {at} - 1))",
    "timestamp with time zone": "{column} + {n} * interval '1 microsecond'",
    "uuid": "overlay(encode(uuid_send({column}), 'hex') PLACING"
    " CASE substr(encode(uuid_send({column}), 'hex'), {at} % 32 + 1, 1) WHEN '0' THEN '1'"
    " ELSE '0' END FROM {at} % 32 + 1 FOR 1)::uuid",
}
# The key of a table, and how many sealed rows it has.
_TABLES = {"audit_log": ("id", 29), "audit_batch": ("batch_no", 6)}


@pytest.fixture
def columns(intruder: Connection) -> list[tuple[str, str, str]]:
    """Every column of an entry and of a batch: table, name, type."""
    return intruder.execute(
        "SELECT table_name::text, column_name::text, data_type::text"
        " FROM information_schema.columns WHERE table_schema = 'audits'"
        " AND table_name IN ('audit_log', 'audit_batch') ORDER BY 1, 2"
    ).fetchall()


@pytest.fixture
def free(intruder: Connection) -> Connection:
    """The intruder, once no constraint, index or generated column is in the way."""
    constraints = intruder.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE conrelid IN ('audits.audit_log'::regclass, 'audits.audit_batch'::regclass)"
        " AND contype IN ('c', 'u') OR conname = 'audit_batch_pkey'"
    ).fetchall()
    for table, name in constraints:
        intruder.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    intruder.execute("DROP INDEX audits.idx_audit_log_request, audits.idx_audit_log_source")
    intruder.execute(
        "ALTER TABLE audits.audit_log ALTER id DROP IDENTITY, ALTER leaf DROP EXPRESSION"
    )
    return intruder


def test_a_change_anywhere_is_found(
    log: SealedLog, free: Connection, columns: list[tuple[str, str, str]]
) -> None:
    @settings(max_examples=120, deadline=None, database=None)
    @given(
        st.sampled_from(columns),
        st.integers(0, 100),
        st.integers(1, 2**20),
        st.integers(0, 10_000),
    )
    def change(column: tuple[str, str, str], row: int, n: int, place: int) -> None:
        table, name, kind = column
        key, rows = _TABLES[table]
        length = f"octet_length({name})" if kind == "bytea" else f"length({name}::text)"
        found = free.execute(
            f"SELECT {key}, {length} FROM audits.{table}"
            f" WHERE {key} <= {log.numbers['last']} AND {length} > 0"
            f" ORDER BY {key} LIMIT 1 OFFSET {row % rows}"
        ).fetchone()
        if found is None:
            return  # fewer rows than that have a value there
        value = _CHANGES[kind].format(column=name, n=n, at=1 + place % found[1])
        free.execute("SAVEPOINT intact")
        free.execute(f"UPDATE audits.{table} SET {name} = {value} WHERE {key} = {found[0]}")
        assert not log.verify(free).ok, f"{table}.{name} of {found[0]} set to {value}"
        free.execute("ROLLBACK TO intact; RELEASE intact")

    change()
