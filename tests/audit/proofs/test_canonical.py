import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.proofs import canonical
from audit.proofs.errors import FormatError


class Word(StrEnum):
    GOOD = "good"


class Number(IntEnum):
    TWO = 2


class Either(Enum):
    PAIR = (1, Word.GOOD)


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(VALUES)
@settings(deadline=None)
def test_what_is_written_is_read_as_the_same_value_and_written_the_same(value: Any) -> None:
    text = canonical.dumps(value)

    assert canonical.loads_strict(text) == value == json.loads(text)
    assert canonical.dumps(canonical.loads_strict(text)) == text


@given(st.dictionaries(TEXTS, st.integers(0, 9), min_size=2))
@settings(deadline=None)
def test_keys_are_sorted_by_utf_16_code_units(value: dict[str, int]) -> None:
    keys = list(json.loads(canonical.dumps(value)))

    assert keys == sorted(keys, key=lambda key: key.encode("utf-16-be"))


def test_the_example_of_rfc_8785_is_sorted_as_it_says() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    text = canonical.dumps(dict.fromkeys(keys, 0))

    assert list(json.loads(text)) == [
        *("\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33")
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1.50"), '"1.50"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (datetime(2026, 11, 21, 10, tzinfo=UTC), '"2026-11-21T10:00:00.000000Z"'),
        (
            datetime(2026, 11, 21, 1, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))),
            '"2026-11-20T23:00:00.000005Z"',
        ),
        (date(2026, 11, 21), '"2026-11-21"'),
        (PurePosixPath("a/b\udcff"), '"a/b\ufffd"'),
        (Word.GOOD, '"good"'),
        (Number.TWO, "2"),
        (Either.PAIR, '[1,"good"]'),
        ((1, (2,)), "[1,[2]]"),
        ({Word.GOOD: 1}, '{"good":1}'),
        ("a\0b\ud800c", '"a\ufffdb\ufffdc"'),
        ({"k\0": 1}, '{"k\ufffd":1}'),
        (2**53 - 1, "9007199254740991"),
    ],
)
def test_values_are_written_as(value: object, text: str) -> None:
    assert canonical.dumps(value) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.0, r"The value is a float"),
        ({"details": {"score": 0.5}}, r"details\.score is a float"),
        ({"details": [0, {"x": float("nan")}]}, r"details\[1\]\.x is a float"),
        ({"data": b"x"}, r"data is of the type bytes"),
        ({"tags": {1}}, r"tags is of the type set"),
        ({"a": {1: 2}}, r"a has the key 1, which is no text"),
    ],
)
def test_what_has_no_canonical_form_is_refused_by_its_place(value: object, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        canonical.dumps(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"n": [2**53]}, r"n\[0\] is a whole number beyond 2\^53 - 1"),
        (-(2**53), r"The value is a whole number beyond"),
        ({"at": datetime(2026, 1, 1)}, r"at is a moment without a time zone"),
        ({"a\0": 1, "a\ud800": 2}, "two keys that are written"),
    ],
)
def test_what_canonical_json_cannot_hold_is_refused_by_its_place(
    value: object, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        canonical.dumps(value)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_nesting_ends_at_100_levels() -> None:
    assert canonical.loads_strict(canonical.dumps(nested(100))) == nested(100)
    for levels in (101, 5_000):
        with pytest.raises(ValueError, match="nested more than 100 levels"):
            canonical.dumps(nested(levels))
        with pytest.raises(FormatError, match="nested more than 100 levels"):
            canonical.loads_strict("[" * levels + "1" + "]" * levels)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":1,"a":1}', "the key 'a' twice"),
        ('{"a": 1}', "not canonical from character 6"),
        ("1.5", "the number 1.5; only whole numbers"),
        ("-Infinity", "the number -Infinity; only whole numbers"),
        ("9007199254740992", "beyond 2\\^53 - 1"),
        ("12345678901234567890", "beyond 2\\^53 - 1"),
        ("{", "This is no JSON: expecting property name"),
        ("1\n", "not canonical from character 2"),
    ],
)
def test_a_text_that_is_not_canonical_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        canonical.loads_strict(text)
