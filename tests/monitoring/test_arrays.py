"""Arrays between numpy and PostgreSQL."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.db.transaction import TransactionManagementError
from hypothesis import given
from hypothesis.extra import numpy as tables

from monitoring import arrays
from monitoring.arrays import Doubles, Flags, Larges, Numbers, Shorts, Texts, Wholes


@given(tables.arrays(np.float64, tables.array_shapes(min_dims=1, max_dims=2, max_side=5)))
def test_what_is_encoded_is_decoded_to_the_last_bit(values: Any) -> None:
    again = arrays.decoded(arrays.encoded(Doubles(values)))

    assert again.shape == values.shape
    assert again.tobytes() == values.tobytes()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (Doubles([[1.5, -0.1], [float("inf"), 5e-324]]), "{{1.5,-0.1},{Infinity,5e-324}}"),
        (Doubles(np.empty(0)), "{}"),
        (Wholes([1, -(2**31)]), "{1,-2147483648}"),
        (Shorts([[7], [-7]]), "{{7},{-7}}"),
        (Larges([2**62]), "{4611686018427387904}"),
        (Flags([True, False]), "{t,f}"),
    ],
)
def test_the_server_reads_what_was_meant_and_gives_it_back(sent: Numbers, shown: str) -> None:
    ((text, back),) = arrays.fetch("SELECT (%s)::text, %s", [sent, sent])

    assert text == shown
    assert np.array_equal(back, sent.values)


@pytest.mark.django_db
@pytest.mark.parametrize("texts", [[], [""], ['{"a": "\\"é, {}"}', "NULL", "'", "\U0001f50d\n"]])
def test_texts_arrive_as_they_are(texts: list[str]) -> None:
    ((sent, count, back),) = arrays.fetch(
        "SELECT %s = ARRAY(SELECT jsonb_array_elements_text(%s::jsonb)), cardinality(%s), %s",
        [Texts(texts), json.dumps(texts), Texts(texts), Texts(texts)],
    )

    assert sent
    assert count == len(texts)
    assert back == texts


def test_a_text_with_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        arrays.encoded_texts(Texts(["a\0b"]))


@pytest.mark.django_db
def test_an_array_with_a_null_is_refused() -> None:
    with pytest.raises(ValueError, match="has nulls"):
        arrays.fetch("SELECT ARRAY[1.5::float8, NULL]", [])


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_nobody_would_be_named() -> None:
    assert not connection.in_atomic_block
    with pytest.raises(TransactionManagementError, match=r"transaction\.atomic"):
        arrays.execute("SELECT 1", [])
