"""The database writes canonical JSON as Python does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.proofs import canonical

pytestmark = pytest.mark.django_db

TEXT = st.text(
    alphabet=st.one_of(
        st.characters(codec="utf-8", exclude_characters="\x00"),
        st.sampled_from('\ue000\uffff\U00010000\U0010ffff\ud7ff"\\/\x01\x1f\x7f\u2028é€'),
    ),
    max_size=8,
)
WHOLE = st.integers(-canonical.LARGEST_NUMBER, canonical.LARGEST_NUMBER)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), WHOLE, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=5)),
    max_leaves=20,
)


def in_the_database(text: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audits.canonical(%s::jsonb)", [text])
        written: str = cursor.fetchone()[0]
    return written


@settings(max_examples=400, deadline=None)
@given(VALUES)
def test_both_write_the_same(value: Any) -> None:
    assert in_the_database(json.dumps(value)) == canonical.dumps(value)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=6))
def test_what_the_database_writes_is_read_back(value: dict[str, Any]) -> None:
    assert canonical.loads_strict(in_the_database(json.dumps(value))) == value


@pytest.mark.parametrize(
    ("given_number", "written"),
    [
        ("0.25", '"0.25"'),
        ("1.0", '"1.0"'),
        ("1e3", "1000"),  # jsonb itself writes it so
        ("-0", "0"),
        ("9007199254740991", "9007199254740991"),
        ("9007199254740992", '"9007199254740992"'),
        ("-9007199254740992", '"-9007199254740992"'),
        ("1e20", '"100000000000000000000"'),
        ("1e-7", '"0.0000001"'),
    ],
)
def test_numbers_other_than_whole_ones_below_2_to_the_53rd_become_text(
    given_number: str, written: str
) -> None:
    assert in_the_database(given_number) == written


def test_keys_beyond_the_basic_plane_sort_by_utf16_code_units() -> None:
    value = {"\ue000": 1, "\U00010000": 2, "a": 3, "\ud7ff": 4}

    assert in_the_database(json.dumps(value)) == canonical.dumps(value)
    assert list(json.loads(canonical.dumps(value))) == ["a", "\ud7ff", "\U00010000", "\ue000"]
