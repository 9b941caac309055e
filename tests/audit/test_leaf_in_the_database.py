"""The leaf that PostgreSQL computes is the one that the formats describe."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.proofs import entries, hashes
from audit.proofs.entries import EntryFields

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
BIG = st.integers(-(2**63), 2**63 - 1)
FIELDS = st.builds(
    EntryFields,
    v=st.just(1),
    id=BIG,
    entry_id=st.uuids(),
    xid=BIG,
    created_at=st.datetimes(timezones=st.timezones()),
    actor_id=st.none() | st.uuids(),
    action=TEXT,
    resource_type=st.none() | TEXT,
    resource_id=st.none() | TEXT,
    outcome=TEXT,
    duration_ms=st.none() | st.integers(0, 2**31 - 1),
    payload=TEXT,
    personal=st.none() | st.binary(min_size=32, max_size=32),
)
QUERY = (
    "SELECT audits.leaf_v1(%s::smallint, %s::bigint, %s::uuid, %s::bigint, %s::timestamptz,"
    " %s::uuid, %s::text, %s::text, %s::text, %s::text, %s::integer, %s::text, %s::bytea)"
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(FIELDS)
def test_every_row_gives_the_same_leaf_in_sql_and_python(
    owner: psycopg.Connection[Any], fields: EntryFields
) -> None:
    found = owner.execute(QUERY, list(fields)).fetchone()

    assert found is not None
    assert bytes(found[0]) == hashes.leaf(entries.content(fields))


def test_the_leaf_of_a_real_row_is_computed_by_the_database(
    owner: psycopg.Connection[Any],
) -> None:
    columns = ", ".join(EntryFields._fields)
    row = owner.execute(
        "INSERT INTO audits.audit_log (action, resource_type, payload)"
        f" VALUES ('a.b', 'ü', '{{\"a\":\"✓\"}}') RETURNING {columns}, leaf"
    ).fetchone()

    assert row is not None
    assert isinstance(row[2], UUID)
    assert bytes(row[-1]) == hashes.leaf(entries.content(EntryFields(*row[:-1])))
