"""Partitions by month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from django.db import connection, connections
from django.db.utils import Error

from database import partitions
from database.connections import as_owner


@pytest.fixture
def readings(transactional_db: None) -> Iterator[str]:
    """A table partitioned by month, as a later migration would make one."""
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE readings (id uuid DEFAULT new_key(), at timestamptz NOT NULL, value int)"
            " PARTITION BY RANGE (at);"
            "GRANT SELECT, INSERT ON readings TO lacuna_app, lacuna_system"
        )
    yield "readings"
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("DROP TABLE readings; DROP TABLE IF EXISTS readings_2026_01")


def test_months_are_made_ahead_under_their_names(readings: str) -> None:
    made = partitions.create_ahead(readings, months=2, start=date(2026, 11, 21))

    assert made == ["readings_2026_11", "readings_2026_12", "readings_2027_01"]
    assert [one.month for one in partitions.list_partitions(readings)] == [
        date(2026, 11, 1),
        date(2026, 12, 1),
        date(2027, 1, 1),
    ]


def test_making_them_again_makes_nothing(readings: str) -> None:
    partitions.create_ahead(readings, months=1, start=date(2026, 1, 31))

    assert partitions.create_ahead(readings, months=1, start=date(2026, 1, 1)) == []


def test_without_a_start_this_month_is_the_first(readings: str) -> None:
    partitions.create_ahead(readings, months=0)

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO readings (at, value) VALUES (now(), 1)")
        cursor.execute("SELECT count(*) FROM readings")
        assert cursor.fetchone()[0] == 1


def test_the_months_border_is_utc_whatever_the_session_thinks(readings: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET timezone = 'Pacific/Auckland'")
    partitions.create_ahead(readings, months=0, start=date(2026, 3, 15))

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO readings (at) VALUES ('2026-03-31 23:59:59+00')")
        cursor.execute("SELECT tableoid::regclass::text FROM readings")
        assert cursor.fetchone()[0] == "readings_2026_03"


def test_the_application_may_not_make_partitions_of_an_ordinary_table(readings: str) -> None:
    with pytest.raises(Error, match="users is not partitioned by month"):
        partitions.create_ahead("users", months=1)


def test_a_detached_month_keeps_its_rows_in_a_table_of_its_own(readings: str) -> None:
    partitions.create_ahead(readings, months=1, start=date(2026, 1, 1))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO readings (at, value) VALUES ('2026-01-05', 7)")

    with as_owner(connection):
        partitions.detach(readings, "readings_2026_01", connection=connection)
        with connection.cursor() as cursor:
            cursor.execute("SELECT value FROM readings_2026_01")
            assert cursor.fetchone()[0] == 7
    assert [one.name for one in partitions.list_partitions(readings)] == ["readings_2026_02"]


def test_detaching_what_is_no_partition_is_refused(readings: str) -> None:
    with pytest.raises(partitions.PartitionError, match="users is not a partition of readings"):
        partitions.detach(readings, "users", connection=connections["default"])


def test_the_application_itself_may_not_detach(readings: str) -> None:
    partitions.create_ahead(readings, months=0, start=date(2026, 1, 1))

    with pytest.raises(Error, match="must be owner"):
        partitions.detach(readings, "readings_2026_01", connection=connection)
