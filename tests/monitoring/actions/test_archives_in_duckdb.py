"""An archive read by DuckDB, which shares no code with what wrote it: the same values."""

from __future__ import annotations

import math
import re
import struct
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest
from django.db import connection

from monitoring.actions import completing
from monitoring.models import Analysis, Dataset
from tests.factories import make_analysis, make_anomaly
from tests.monitoring.actions.archived import archived
from tests.monitoring.actions.test_archived_values import (
    ODD_JSON,
    ODD_MOMENTS,
    ODD_TEXTS,
    OLD,
    columns_of,
)

pytestmark = pytest.mark.django_db

ODD_DOUBLES: Final = (
    math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1 + 0.2, 1.7976931348623157e308,
)  # fmt: skip
# As what DuckDB finds a type of PostgreSQL's.
TYPES: Final = {
    "bool": "BOOLEAN",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
}


@pytest.fixture
def rows(press: Dataset, storage: Path) -> Path:
    """Old analyses with odd values, with and without anomalies; the folder of their file."""
    completing.make_months(OLD.date().replace(day=1))
    for number, text in enumerate(ODD_TEXTS):
        moment = OLD + timedelta(microseconds=number)
        analysis = make_analysis(
            press,
            created_at=moment,
            completed_at=moment,
            error_message=text,
            alarm_level=math.nextafter(1, 0),
            last_error_at=ODD_MOMENTS[number % len(ODD_MOMENTS)],
        )
        for place, value in enumerate(ODD_DOUBLES[:number]):
            at = moment + timedelta(days=place)
            make_anomaly(analysis, timestamp=at, distance=value, x=value, metadata={text: text})
    with connection.cursor() as cursor:
        for text in ODD_JSON:
            cursor.execute(
                "INSERT INTO anomalies (analysis_id, dataset_id, timestamp, severity, distance,"
                " threshold, features, metadata)"
                " VALUES (%s, %s, %s, 'high', 1, 1, jsonb_build_array(%s::jsonb), %s)",
                [analysis.pk, press.pk, OLD, text, text],
            )
    return storage


@pytest.fixture
def stranger() -> duckdb.DuckDBPyConnection:
    """DuckDB as it comes, which fetches nothing from the network."""
    return duckdb.connect(config={"autoinstall_known_extensions": "false"})


def bits(value: Any) -> Any:
    """A value so that two are equal if they are to the last bit."""
    if isinstance(value, list):
        return [bits(part) for part in value]
    return struct.pack(">d", value) if isinstance(value, float) else value


def there(table: str) -> list[tuple[Any, ...]]:
    """What PostgreSQL has: moments in microseconds, keys and JSON as text."""
    kinds = columns_of(table)
    written = [
        f"(extract(epoch FROM {name}) * 1000000)::bigint"
        if kind == "timestamptz"
        else f"{name}::text[]"
        if kind.startswith("_") and kind[1:] not in TYPES
        else name
        if kind.removeprefix("_") in TYPES
        else f"{name}::text"
        for name, kind in kinds.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(written)} FROM {table} ORDER BY id")
        return [tuple(map(bits, row)) for row in cursor.fetchall()]


def found(asked: duckdb.DuckDBPyConnection, relation: str, table: str) -> list[tuple[Any, ...]]:
    """What DuckDB finds in the same columns."""
    kinds = columns_of(table)
    read = [f"epoch_us({name})" if kinds[name] == "timestamptz" else name for name in kinds]
    rows = asked.execute(f"SELECT {', '.join(read)} FROM {relation} ORDER BY id").fetchall()
    return [tuple(map(bits, row)) for row in rows]


def test_duckdb_finds_every_value_that_the_tables_had(
    rows: Path, stranger: duckdb.DuckDBPyConnection
) -> None:
    analyses, anomalies = there("analyses"), there("anomalies")
    assert (len(analyses), len(anomalies)) == (9, 45)

    made = archived()
    assert not Analysis.objects.exists()
    file = f"'{rows / made.file_path}'"

    assert found(stranger, file, "analyses") == analyses
    nested = f"(SELECT unnest(one) FROM (SELECT unnest(anomalies) AS one FROM {file}))"
    assert found(stranger, nested, "anomalies") == anomalies


def test_duckdb_finds_types_and_whose_file_it_is(
    rows: Path, stranger: duckdb.DuckDBPyConnection, press: Dataset
) -> None:
    file = f"'{rows / archived().file_path}'"

    kinds = {
        name: kind
        for name, kind, *_ in stranger.execute(f"DESCRIBE SELECT * FROM {file}").fetchall()
    }
    for name, kind in columns_of("analyses").items():
        assert kinds[name] == TYPES.get(kind, "VARCHAR"), name
    said = stranger.execute(f"SELECT decode(key), decode(value) FROM parquet_kv_metadata({file})")
    assert {
        "lacuna.format": "analyses",
        "lacuna.owner": str(press.user_id),
        "lacuna.analyses": "9",
        "lacuna.anomalies": "45",
    }.items() <= dict(said.fetchall()).items()


def test_the_query_of_the_page_counts_what_went(
    rows: Path, stranger: duckdb.DuckDBPyConnection, settings: Any
) -> None:
    page = (Path(settings.BASE_DIR) / "docs/monitoring.md").read_text(encoding="utf-8")
    (query,) = re.findall(r"```sql\n(SELECT one[^`]*)```", page)
    with connection.cursor() as cursor:
        cursor.execute("SELECT severity, count(*) FROM anomalies GROUP BY 1 ORDER BY 1")
        counts = cursor.fetchall()

    query = query.replace("01936f1c-….parquet", str(rows / archived().file_path))

    assert counts
    assert stranger.execute(query).fetchall() == counts
