"""Tables that have other columns than today's: temporary ones of the same names, seen first."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import pyarrow as pa
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from pyarrow import parquet

from database import roles
from monitoring.archives import reading, writing
from monitoring.archives.columns import columns
from monitoring.archives.schema import Head
from monitoring.errors import NotNow

pytestmark = pytest.mark.django_db

LATER: Final = {
    "texts text[]": """'{a,NULL,"","b,c"}'""",
    "numbers double precision[]": "'{1.5,NaN,NULL,-0}'",
    "nothing_in bigint[]": "'{}'",
    "moments timestamptz[]": "'{2025-01-01 12:00:00.000001+02}'",
    "keys uuid[]": "'{01936f1c-0000-7000-8000-000000000001}'",
    "documents jsonb[]": "ARRAY['1.10'::jsonb, 'null', NULL]",
    "bytes bytea": r"'\x00ff27'",
    "day date": "'2024-02-29'",
    "local_time timestamp": "'2024-02-29 12:00:00.5'",
    "short smallint": "-32768",
    "large bigint": "9223372036854775807",
    "single real": "0.1",
    "amount numeric(20, 4)": "1234567890123456.1000",
    "address inet": "'10.0.0.0/8'",
    "period interval": "'1 mon -3 days 00:00:00.000001'",
    "letters char(3)": "'ab '",
    "bits bit(3)": "'101'",
    '"odd "" name" boolean': "true",
    "empty_one integer": "NULL",
    '"char" "char"': "'x'",
}


@pytest.fixture
def cursor(db: None) -> Iterator[CursorWrapper]:
    """Tables with what a file needs, of the owner, who alone may make some; they are rolled back.

    Keys, the dataset and the moment; tests add more.
    """
    usual = connections["default"]
    owner = connection.copy()
    owner.settings_dict.update(settings.DATABASE_OWNER)
    owner.settings_dict["OPTIONS"]["assume_role"] = roles.OWNER
    connections["default"] = owner
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMP TABLE analyses (id uuid PRIMARY KEY, dataset_id uuid NOT NULL)"
            )
            cursor.execute(
                "CREATE TEMP TABLE anomalies (id uuid DEFAULT new_key(), analysis_id uuid NOT NULL"
                ' REFERENCES analyses ON DELETE CASCADE, "timestamp" timestamptz NOT NULL)'
            )
            yield cursor
            transaction.set_rollback(True)
    finally:
        owner.close()
        connections["default"] = usual


def filled(cursor: CursorWrapper, anomalies: int = 2) -> UUID:
    key = uuid4()
    cursor.execute("INSERT INTO analyses VALUES (%s, %s)", [key, uuid4()])
    for _ in range(anomalies):
        cursor.execute(
            "INSERT INTO anomalies (analysis_id, timestamp) VALUES (%s, '2025-03-10Z')", [key]
        )
    return key


def everything(cursor: CursorWrapper) -> list[str]:
    cursor.execute(
        "SELECT to_jsonb(t)::text FROM analyses t UNION ALL"
        " SELECT to_jsonb(t)::text FROM anomalies t ORDER BY 1"
    )
    return [row for (row,) in cursor.fetchall()]


def written(key: UUID, anomalies: int = 2) -> io.BytesIO:
    target = io.BytesIO()
    writing.write(target, [writing.Counted(key, anomalies)], of=Head(uuid4(), 1, anomalies))
    return target


def brought_back(file: io.BytesIO) -> None:
    file.seek(0)
    reading.ArchiveFile(file, "a.parquet").restore()


def test_columns_of_any_type_come_back(cursor: CursorWrapper) -> None:
    for table in ("analyses", "anomalies"):
        for column, value in LATER.items():
            cursor.execute(f"ALTER TABLE {table} ADD {column} DEFAULT {value}")
        cursor.execute(f"ALTER TABLE {table} ADD twice int GENERATED ALWAYS AS (2) STORED")
        cursor.execute(f"ALTER TABLE {table} ADD gone int; ALTER TABLE {table} DROP gone")
    key = filled(cursor)
    before = everything(cursor)
    cursor.execute("SET LOCAL extra_float_digits = 0")
    file = written(key)
    cursor.execute("SET LOCAL extra_float_digits = 1; DELETE FROM analyses")
    for table in ("analyses", "anomalies"):  # what comes back is what the file has
        for known in columns(table):
            if known.name != "id":
                name = connection.ops.quote_name(known.name.replace('"', '""'))
                cursor.execute(f"ALTER TABLE {table} ALTER {name} DROP DEFAULT")

    brought_back(file)

    assert everything(cursor) == before
    (row,) = parquet.read_table(file).to_pylist()
    for of in (row, *row["anomalies"]):
        as_expected(of)


def as_expected(row: dict[str, Any]) -> None:
    assert row["texts"] == ["a", None, "", "b,c"]
    assert row["numbers"][0] == 1.5
    assert row["numbers"][2] is None
    assert row["nothing_in"] == []
    assert row["moments"] == [datetime(2025, 1, 1, 10, 0, 0, 1, tzinfo=UTC)]
    assert row["keys"] == ["01936f1c-0000-7000-8000-000000000001"]
    assert row["documents"] == ["1.10", "null", None]
    assert row["bytes"] == b"\x00\xff\x27"
    assert row["day"] == date(2024, 2, 29)
    assert row["local_time"] == datetime(2024, 2, 29, 12, 0, 0, 500000)
    assert (row["short"], row["large"]) == (-32768, 2**63 - 1)
    assert pa.scalar(row["single"], pa.float32()) == pa.scalar(0.1, pa.float32())
    assert (row["amount"], row["address"]) == ("1234567890123456.1000", "10.0.0.0/8")
    assert (row['odd " name'], row["empty_one"]) == (True, None)
    assert "twice" not in row


def test_a_column_added_since_takes_its_default(cursor: CursorWrapper) -> None:
    file = written(filled(cursor))
    cursor.execute("DELETE FROM analyses")
    cursor.execute("ALTER TABLE anomalies ADD weight int NOT NULL DEFAULT 3")

    brought_back(file)

    cursor.execute("SELECT array_agg(weight) FROM anomalies")
    assert cursor.fetchone() == ([3, 3],)


def test_a_column_that_is_gone_is_named(cursor: CursorWrapper) -> None:
    cursor.execute("ALTER TABLE anomalies ADD weight int DEFAULT 3, ADD wave int DEFAULT 4")
    file = written(filled(cursor))
    cursor.execute("DELETE FROM analyses")
    cursor.execute("ALTER TABLE anomalies DROP weight")

    with pytest.raises(NotNow, match=r"a\.parquet has anomalies\.weight, which the database no"):
        brought_back(file)

    assert everything(cursor) == []


def test_a_text_is_refused_by_a_column_that_became_too_short_for_it(
    cursor: CursorWrapper,
) -> None:
    cursor.execute("ALTER TABLE analyses ADD word varchar(20) DEFAULT 'conditioned'")
    file = written(filled(cursor))
    cursor.execute("DELETE FROM analyses")
    cursor.execute("ALTER TABLE analyses ALTER word TYPE varchar(4)")

    with pytest.raises(Exception, match="value too long"):
        brought_back(file)


def test_an_array_of_two_dimensions_is_refused_by_name(cursor: CursorWrapper) -> None:
    cursor.execute("ALTER TABLE anomalies ADD matrix int[] DEFAULT '{{1,2},{3,4}}'")

    with pytest.raises(NotNow, match=r"anomalies\.matrix has a value that is no list<.*int32"):
        written(filled(cursor))


def test_rows_that_came_meanwhile_are_noticed(cursor: CursorWrapper) -> None:
    key = filled(cursor, anomalies=2)

    with pytest.raises(NotNow, match="changed while they were archived"):
        written(key, anomalies=1)
