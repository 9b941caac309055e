"""Old samples: packed without losing a bit, and still there in SQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.db import Error, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as tables

from accounts.models import User
from audit.models import Entry
from monitoring.actions import packing, requesting
from monitoring.models import Dataset, MonitorBlock, PackedBlock
from tests.monitoring import watched

DECIMALS = st.builds(lambda whole, digits: whole / 10**digits, st.integers(-(10**9), 10**9),
                     st.integers(0, 9))  # fmt: skip


def same_bits(values: Any) -> bool:
    block = packing.packed(values)
    return bool(
        np.array_equal(
            packing.unpacked(block).view(np.int64), np.asarray(values, np.float64).view(np.int64)
        )
    )


@given(
    tables.arrays(
        np.float64,
        st.tuples(st.integers(1, 6), st.integers(1, 4)),
        elements=st.one_of(DECIMALS, st.floats(), st.sampled_from([0.0, -0.0, 1e308, 5e-324])),
    )
)
def test_whatever_is_packed_comes_back_to_the_last_bit(values: Any) -> None:
    assert same_bits(np.nan_to_num(values, nan=7.25))


@pytest.mark.parametrize(
    ("column", "kind", "exponent"),
    [
        ([1.25, -3.5, 20.0], 2, 2),
        ([101325.25, 101325.5, 101326.0], 2, 2),  # far from 0, but near each other
        ([0.000041, 0.000043], 2, 6),
        ([1234567.5, -1234567.5], 4, 1),
        ([1 / 3, 0.5], 8, 0),
        ([1e300, 1.0], 8, 0),
        ([-0.0, 1.0], 8, 0),
        ([float("inf"), 1.0], 8, 0),
    ],
)
def test_a_column_takes_as_few_bytes_as_its_digits_allow(
    column: list[float], kind: int, exponent: int
) -> None:
    block = packing.packed(np.array([column]).T)

    assert (block.kinds, block.exponents) == ([kind], [exponent])
    assert same_bits(np.array([column]).T)


QUERY = """
    SELECT process_order, file_row, x, y, score, p_value, severity, off_map, monitor_values,
        metadata, analysis_id, user_id
    FROM monitor_samples WHERE dinsight_id = %s ORDER BY process_order
"""


def samples_of(map_id: UUID) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(QUERY, [map_id])
        return list(cursor.fetchall())


@pytest.mark.django_db
def test_packed_samples_are_the_same_in_the_view(press: Dataset, engineer: User) -> None:
    made = watched.fitted(press, engineer)
    asked = requesting.request_place(press, watched.samples(engineer, broken=2), by=engineer)
    watched.worked_on(asked.analysis)
    before = samples_of(made.pk)

    (done,) = list(packing.pack(timezone.now() + timedelta(days=1)))

    assert (done.blocks, done.samples, done.left) == (1, 20, 0)
    assert samples_of(made.pk) == before
    assert not MonitorBlock.objects.exists()
    assert set(PackedBlock.objects.get().kinds) <= {2, 4}
    assert done.ratio is not None
    assert done.ratio > 1
    told = Entry.objects.get(action="monitor_data.archived")
    assert told.details is not None
    assert told.details["samples"] == 20
    # New samples are numbered on from those that are packed.
    asked = requesting.request_place(press, watched.samples(engineer, 3, seed=6), by=engineer)
    watched.worked_on(asked.analysis)
    assert MonitorBlock.objects.get().process_order == 21


@pytest.mark.django_db
def test_what_is_young_stays_as_it_is(press: Dataset, engineer: User) -> None:
    watched.fitted(press, engineer)
    asked = requesting.request_place(press, watched.samples(engineer, 3), by=engineer)
    watched.worked_on(asked.analysis)

    assert packing.due(packing.limit()) == 0
    assert list(packing.pack(packing.limit())) == []
    assert MonitorBlock.objects.count() == 1


@pytest.mark.django_db
def test_a_block_that_would_lose_a_bit_stays_as_it_is(press: Dataset, engineer: User) -> None:
    made = watched.fitted(press, engineer)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO monitor_data (dinsight_id, monitor_values, x_values, y_values,"
            " process_order) VALUES (%s, '{1.5,2.5}', '{0.12345678901}', '{0}', 1)",
            [made.pk],
        )

    (done,) = list(packing.pack(timezone.now() + timedelta(days=1)))

    assert (done.blocks, done.left) == (0, 1)
    assert samples_of(made.pk)[0][8] == [1.5, 2.5]


@pytest.mark.django_db
def test_samples_that_are_not_packed_cannot_be_deleted(press: Dataset, engineer: User) -> None:
    watched.fitted(press, engineer)
    asked = requesting.request_place(press, watched.samples(engineer, 3), by=engineer)
    watched.worked_on(asked.analysis)

    with pytest.raises(Error, match="Samples stay"), transaction.atomic():
        MonitorBlock.objects.all()._raw_delete("default")


def put(
    map_id: UUID, order: int, *, values: str = "{1.5,2.5}", x: str = "0", said: str = "{}"
) -> None:
    """One sample as plain SQL writes it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO monitor_data (dinsight_id, monitor_values, x_values, y_values,"
            " process_order, metadata) VALUES (%s, %s, %s, '{0}', %s, %s)",
            [map_id, values, f"{{{x}}}", order, said],
        )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "said", ['{"a": 12345678901234567890.123456789, "b": 1.10}', '{"a": 1e999}', "7" * 5000]
)
def test_what_is_noted_of_samples_keeps_every_digit(
    press: Dataset, engineer: User, said: str
) -> None:
    made = watched.fitted(press, engineer)
    put(made.pk, 1, said=said)
    query = "SELECT metadata::text FROM monitor_samples WHERE dinsight_id = %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [made.pk])
        before = cursor.fetchall()

        (done,) = list(packing.pack(timezone.now() + timedelta(days=1)))

        assert (done.blocks, done.left) == (1, 0)
        cursor.execute(query, [made.pk])
        assert cursor.fetchall() == before


@pytest.mark.django_db
def test_a_block_that_plain_sql_made_unreadable_does_not_keep_the_others(
    press: Dataset, engineer: User
) -> None:
    made = watched.fitted(press, engineer)
    put(made.pk, 1, values="{1.5,NULL}")
    put(made.pk, 2)

    done = list(packing.pack(timezone.now() + timedelta(days=1)))[-1]

    assert (done.blocks, done.left) == (1, 1)
    assert MonitorBlock.objects.get().process_order == 1


@pytest.mark.django_db
def test_the_sign_of_a_zero_is_a_bit_too(press: Dataset, engineer: User) -> None:
    made = watched.fitted(press, engineer)
    put(made.pk, 1, x="-0")

    (done,) = list(packing.pack(timezone.now() + timedelta(days=1)))

    assert (done.blocks, done.left) == (0, 1)
