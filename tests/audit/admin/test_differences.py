"""What changed, side by side."""

from __future__ import annotations

from typing import Any

import pytest

from audit.admin.differences import differences, shown


def kinds(before: Any, after: Any) -> dict[str, str]:
    return {row.column: row.kind for row in differences(before, after)}


def test_each_column_is_added_removed_changed_or_the_same() -> None:
    before: dict[str, Any] = {"a": 1, "b": "x", "c": None}
    after: dict[str, Any] = {"b": "y", "c": None, "d": []}

    assert kinds(before, after) == {"a": "removed", "b": "changed", "d": "added", "c": "same"}


def test_what_stayed_the_same_comes_last() -> None:
    rows = differences({"a": 1, "b": 2}, {"a": 1, "b": 3})

    assert [row.column for row in rows] == ["b", "a"]


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), ("1", 1), (None, "")])
def test_values_of_different_kinds_are_a_change(one: object, other: object) -> None:
    assert kinds({"a": one}, {"a": other}) == {"a": "changed"}


def test_a_row_that_appears_or_goes_has_one_side_only() -> None:
    assert kinds(None, {"a": 1}) == {"a": "added"}
    assert kinds({"a": 1}, None) == {"a": "removed"}
    assert differences(None, None) == []


def test_objects_on_both_sides_are_opened() -> None:
    before = {"meta": {"width": 1, "camera": {"name": "x", "iso": 100}}}
    after = {"meta": {"width": 1, "camera": {"name": "x", "iso": 200}}}

    assert kinds(before, after) == {
        "meta.camera.iso": "changed",
        "meta.camera.name": "same",
        "meta.width": "same",
    }


def test_what_is_no_object_is_one_value() -> None:
    assert kinds([1], [2]) == {"value": "changed"}


def test_every_kind_has_a_sign_beside_its_colour() -> None:
    rows = differences({"a": 1, "b": 2, "d": 4}, {"b": 3, "c": 4, "d": 4})

    assert len({row.sign for row in rows}) == 4


def test_text_is_escaped_and_what_cannot_be_seen_is_shown() -> None:
    said = shown("<b>\u202egnp.exe\x07")

    assert "<b>" not in said
    assert "\u202e" not in said
    assert "\N{REPLACEMENT CHARACTER}gnp.exe\N{REPLACEMENT CHARACTER}" in said


def test_long_values_are_folded_and_stay_whole() -> None:
    text = "word " * 500

    assert "<details" in shown(text)
    assert text in shown(text)
    assert "<details" not in shown("short")
    assert "<details" in shown({"numbers": list(range(200))})


def test_a_value_too_long_for_the_log_tells_its_size_and_hash() -> None:
    said = shown({"bytes": 48_000, "sha256": "ab" * 32})

    assert "48.0\u00a0kB" in said
    assert "ab" * 32 in said


@pytest.mark.parametrize(
    ("value", "said"), [(None, "null"), (True, "true"), (7, "7"), ([], "[]"), ("", "empty text")]
)
def test_small_values_are_written_as_they_are(value: object, said: str) -> None:
    assert said in shown(value)
