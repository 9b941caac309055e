"""How values look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from config.admin import formats

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (3_400_000, "3.4 MB"),
        (99_960_000, "100 MB"),
        (999_999_999, "1.0 GB"),
        (None, formats.NOTHING),
    ],
)
def test_sizes_are_written_in_decimal_units(count: int | None, text: str) -> None:
    assert plain(formats.size(count)) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (12, "12 ms"),
        (3400, "3.4 s"),
        (125_000, "2 min 5 s"),
        (12_000_000, "3 h 20 min"),
        (None, formats.NOTHING),
    ],
)
def test_durations_are_written_in_the_unit_that_fits(milliseconds: int | None, text: str) -> None:
    assert plain(formats.duration(milliseconds)) == text


@pytest.mark.parametrize(
    ("apart", "text"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(hours=25), "1 day ago"),
        (timedelta(days=6), "6 days ago"),
        (timedelta(days=30), "22 Oct 2026"),
        (-timedelta(hours=2), "in 2 h"),
    ],
)
def test_moments_are_told_from_now(apart: timedelta, text: str) -> None:
    assert plain(formats.relative_moment(NOW - apart, NOW)) == text


def test_a_moment_carries_the_exact_time() -> None:
    html = formats.moment(datetime(2026, 11, 21, 14, 5, 0, 7, tzinfo=UTC))

    assert 'datetime="2026-11-21T14:05:00.000007+00:00"' in html
    assert 'title="21 Nov 2026 14:05 UTC"' in html


def test_numbers_have_groups_and_a_unit() -> None:
    assert plain(formats.number(Decimal("1234.56"), "px", digits=1)) == "1,234.6 px"
    assert formats.number(float("nan")) == formats.NOTHING
    assert plain(formats.percent(0.4204)) == "42.0 %"
    assert formats.percent(None) == formats.NOTHING


def test_ids_are_short_and_whole_on_hover() -> None:
    uuid = "0192f3aa-1111-7222-8333-444455556666"

    assert formats.short_id(uuid) == f'<code class="id" title="{uuid}">…55556666</code>'
    assert ">aaaaaaaaaaaa…<" in formats.short_id("a" * 64)
    assert ">short<" in formats.short_id("short")
    assert formats.short_id(None) == formats.NOTHING


def test_words_from_outside_are_escaped() -> None:
    for html in (
        formats.badge("<b>", "good"),
        formats.tag("<b>"),
        formats.tile("<b>", "<b>", normal="<b>"),
        formats.folded_json({"a": "<b>"}),
        formats.progress(1, 2, label="<b>", note="<b>"),
    ):
        assert "<b>" not in html


def test_a_state_is_an_icon_and_a_word() -> None:
    html = formats.badge("failed", "bad")

    assert "#icon-bad" in html
    assert ">Failed</span>" in html


def test_a_name_that_programs_use_is_said_in_words() -> None:
    said = {"ai-annotations": "AI annotations", "file_checks": "File checks", "imaging": "Imaging"}

    assert {name: formats.spoken(name) for name in said} == said


def test_progress_over_nothing_is_no_division() -> None:
    assert 'max="1"' in formats.progress(0, 0, label="Images")
