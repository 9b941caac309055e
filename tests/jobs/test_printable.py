"""Text of people and of errors, made fit to be shown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.printable import one_line, printable

ODD = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "text",
    [
        "plain, with\nlines and\ttabs",
        "Grüße, Žofie, 世界, عربى, 🙂",
        "12\N{NO-BREAK SPACE}ms",
        "",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    "sign", ["\x1b", "\x07", "\r", "\x7f", "\x9b", "\u202e", "\u200b", "\u2028", "\ufeff", "\ue000"]
)
def test_what_steers_or_hides_is_shown_as_odd(sign: str) -> None:
    assert printable(f"a{sign}b") == f"a{ODD}b"


@given(st.text())
@settings(deadline=None)
def test_a_line_stays_one_and_holds_nothing_odd(text: str) -> None:
    line = one_line(text)

    assert len(line.splitlines()) <= 1
    assert printable(line) == line
    assert "\t" not in line
    assert len(line) <= 1000


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"])
def test_lines_are_joined_by_a_space(end: str) -> None:
    assert one_line(f"  one{end}two") == "  one two"


def test_a_long_line_ends_in_an_ellipsis() -> None:
    assert one_line("x" * 1000) == "x" * 1000
    assert one_line("x" * 1001) == "x" * 999 + "…"
