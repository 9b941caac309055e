"""What stands in a file of analyses: every column, typed, and to the last bit what it was."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from django.db import connection
from pyarrow import parquet

from monitoring.actions import archiving, completing
from monitoring.archives import writing
from monitoring.errors import NotNow
from monitoring.models import Analysis, Anomaly, Dataset
from tests.factories import make_analysis, make_anomaly
from tests.monitoring.actions.archived import archived, everything

pytestmark = pytest.mark.django_db

OLD = datetime(2025, 3, 10, 12, tzinfo=UTC)
ODD_TEXTS = (
    "",
    " ",
    "null",
    "NULL",
    "\\N",
    "a\tb\r\nc",
    "'\"\\;--",
    "é e\u0301 \U0001f9ed",
    "\x7f",
)
ODD_JSON = (
    "null", "{}", "[]", '""', "-0.0", "1.10", "1e400", "12345678901234567890.12345678901234567890",
    '{"b": 1, "a": {"b": [null, true, 1.50]}}', '["\\u0001", "\\ud83e\\udded", "\\\\"]',
)  # fmt: skip
ODD_MOMENTS = (
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(9998, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
    OLD + timedelta(microseconds=1),
)


@pytest.fixture(autouse=True)
def months(db: None) -> None:
    completing.make_months(OLD.date().replace(day=1))


def columns_of(table: str) -> dict[str, str]:
    """Name and type of each column, as the database tells anybody."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, udt_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s",
            [table],
        )
        return dict(cursor.fetchall())


def come_back(storage: Path) -> Any:
    """Archive what is due and bring it back, as it was; returns the file's table."""
    before = everything("analyses"), everything("anomalies")
    made = archived()
    assert not Analysis.objects.exists()
    assert not Anomaly.objects.exists()
    archiving.restore(made.pk)
    assert (everything("analyses"), everything("anomalies")) == before
    return parquet.read_table(storage / made.file_path)


def test_any_reader_of_parquet_finds_typed_values(press: Dataset, storage: Path) -> None:
    moment = OLD + timedelta(microseconds=123456)
    analysis = make_analysis(press, created_at=moment, completed_at=moment, alarm_level=0.05)
    make_anomaly(analysis, timestamp=moment, distance=0.1 + 0.2, acknowledged=False, file_row=7)
    made = archived()

    table = parquet.read_table(storage / made.file_path)

    shape = table.schema
    assert shape.field("id").type == pa.string()
    assert shape.field("created_at").type == pa.timestamp("us", tz="UTC")
    assert shape.field("alarm_level").type == pa.float64()
    assert shape.field("turn").type == pa.int64()
    assert shape.field("priority").type == pa.int32()
    assert shape.field("cancel_requested").type == pa.bool_()
    assert not shape.field("status").nullable
    assert shape.field("results").metadata == {b"postgresql": b"jsonb"}
    assert {key.decode(): value.decode() for key, value in shape.metadata.items()} == {
        "lacuna.format": "analyses",
        "lacuna.version": "1",
        "lacuna.owner": str(press.user_id),
        "lacuna.analyses": "1",
        "lacuna.anomalies": "1",
    }
    (row,) = table.to_pylist()
    assert (UUID(row["id"]), row["created_at"], row["alarm_level"]) == (analysis.pk, moment, 0.05)
    assert json.loads(row["results"]) == {"rows": 2}
    (anomaly,) = row["anomalies"]
    assert (anomaly["timestamp"], anomaly["distance"]) == (moment, 0.1 + 0.2)
    assert (anomaly["acknowledged"], anomaly["file_row"], anomaly["x"]) == (False, 7, None)


def test_every_column_of_both_tables_is_archived(press: Dataset, storage: Path) -> None:
    make_analysis(press, created_at=OLD, completed_at=OLD)

    shape = parquet.read_schema(storage / archived().file_path)

    nested = shape.field("anomalies").type.value_type
    assert set(shape.names) - {"anomalies"} == set(columns_of("analyses"))
    assert {field.name for field in nested} == set(columns_of("anomalies"))
    for model, names in ((Analysis, set(shape.names)), (Anomaly, {one.name for one in nested})):
        assert {field.column for field in model._meta.concrete_fields} <= names


def test_doubles_come_back_to_the_last_bit(press: Dataset, storage: Path) -> None:
    chance = np.random.default_rng(7)
    bits = chance.integers(0, 2**64, size=200, dtype=np.uint64, endpoint=False)
    odd = [math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, -2.2e-308, 1.7976931348623157e308]
    values = odd + bits.view(np.float64).tolist()
    assert len(values) == len(odd) + 200
    analysis = make_analysis(
        press, created_at=OLD, completed_at=OLD, alarm_level=math.nextafter(1, 0)
    )
    row = make_anomaly(analysis, timestamp=OLD)
    copies = [
        Anomaly(
            **{
                field.attname: getattr(row, field.attname)
                for field in Anomaly._meta.concrete_fields
                if field.attname not in {"id", "distance", "x", "y"}
            },
            distance=value,
            x=value,
            y=None if math.isnan(value) else -value,
        )
        for value in values
    ]
    Anomaly.objects.bulk_create(copies)

    table = come_back(storage)

    found = {one["id"]: one["distance"] for one in table.column("anomalies")[0].as_py()}
    assert len(found) == 1 + len(values)
    read = np.array([found[str(copy.pk)] for copy in copies])
    finite = ~np.isnan(read)
    assert (read.view(np.uint64) == np.array(values).view(np.uint64))[finite].all()
    assert np.isnan(np.array(values)[~finite]).all()


def test_odd_texts_and_moments_come_back(press: Dataset, storage: Path) -> None:
    for text in ODD_TEXTS:
        one = make_analysis(press, created_at=OLD, completed_at=OLD, error_message=text)
        make_anomaly(one, timestamp=OLD, metadata={text: text}, features=[{"name": text}])
    for number, moment in enumerate(ODD_MOMENTS):
        make_analysis(
            press,
            created_at=OLD,
            completed_at=OLD,
            last_error_at=moment,
            available_at=None if number % 2 else moment,
            progress_total=-(2**31),
        )

    table = come_back(storage)

    assert set(ODD_TEXTS) < set(table.column("error_message").to_pylist())
    assert set(ODD_MOMENTS) < set(table.column("last_error_at").to_pylist())


def test_json_comes_back_with_each_digit(press: Dataset, storage: Path) -> None:
    one = make_analysis(press, created_at=OLD, completed_at=OLD)
    with connection.cursor() as cursor:
        for text in ODD_JSON:
            cursor.execute(
                "INSERT INTO anomalies (analysis_id, dataset_id, timestamp, severity, distance,"
                " threshold, features, metadata)"
                " VALUES (%s, %s, %s, 'low', 1, 1, jsonb_build_array(%s::jsonb), %s)",
                [one.pk, press.pk, OLD, text, text],
            )
    make_anomaly(one, timestamp=OLD, metadata=None)

    table = come_back(storage)

    read = [anomaly["metadata"] for anomaly in table.column("anomalies")[0].as_py()]
    assert None in read
    assert {"null", "1.10", "1" + "0" * 400} <= set(read)


def test_what_no_file_can_hold_stays_where_it_is(press: Dataset, storage: Path) -> None:
    one = make_analysis(press, created_at=OLD, completed_at=OLD)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO anomalies (analysis_id, dataset_id, timestamp, severity, distance,"
            " threshold, features, created_at) VALUES (%s, %s, %s, 'low', 1, 1, '[]', 'infinity')",
            [one.pk, press.pk, OLD],
        )

    with pytest.raises(
        NotNow, match="anomalies has a value that a file cannot hold: timestamp too large"
    ):
        archived()

    assert (Analysis.objects.count(), Anomaly.objects.count()) == (1, 1)
    assert not [path for path in storage.rglob("*") if path.is_file()]


def test_row_groups_have_so_many_anomalies_and_no_analysis_is_divided(
    press: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_ANOMALIES", 4)
    monkeypatch.setattr(writing, "_FETCHED_AT_ONCE", 2)
    for number, count in enumerate((1, 3, 0, 5, 0, 2)):
        moment = OLD + timedelta(days=number)
        one = make_analysis(press, created_at=moment, completed_at=moment)
        for _ in range(count):
            make_anomaly(one, timestamp=moment)

    table = come_back(storage)

    assert [len(row) for row in table.column("anomalies").to_pylist()] == [1, 3, 0, 5, 0, 2]
    (path,) = storage.rglob("*.parquet")
    groups = parquet.ParquetFile(path)
    sizes = [groups.read_row_group(n).num_rows for n in range(groups.num_row_groups)]
    assert sizes == [3, 1, 2]
    for row in table.to_pylist():
        assert {anomaly["analysis_id"] for anomaly in row["anomalies"]} <= {row["id"]}
