"""JSON of others, read without trust."""

from __future__ import annotations

import pytest

from providers.adapters import reading


@pytest.mark.parametrize(
    ("told", "counted"),
    [(90, 90), (0, 0), (-5, 0), (1.5, 0), ("900", 0), (None, 0), (True, 0), (10**30, 2**31 - 1)],
)
def test_a_count_is_a_whole_number_that_a_column_holds(told: object, counted: int) -> None:
    assert reading.count({"usage": {"tokens": told}}, "usage", "tokens") == counted


@pytest.mark.parametrize("found", [None, [], "x", {"usage": []}, {"usage": {"tokens": {}}}])
def test_what_is_not_where_it_should_be_counts_as_nothing(found: object) -> None:
    assert reading.count(found, "usage", "tokens") == 0
    assert reading.text(found, "usage", "tokens") == ""
    assert reading.objects(found, "usage") == []


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"a": ', "<html>", "1" * 5000, b"\xff\xfe", "[" * 100_000],
    ids=["empty", "brace", "half", "html", "digits", "bytes", "nested"],
)
def test_what_is_no_json_is_unreadable_and_not_quoted(text: str | bytes) -> None:
    with pytest.raises(reading.Unreadable) as caught:
        reading.parsed(text)

    assert str(caught.value) in {"is no complete JSON", "is nested too deep"}


def test_what_is_nested_too_deep_is_not_stored() -> None:
    nested: object = 1
    for _ in range(reading.DEEPEST + 1):
        nested = [nested]

    with pytest.raises(reading.Unreadable, match="too deep"):
        reading.storable(nested)
