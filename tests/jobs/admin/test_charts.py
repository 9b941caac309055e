"""The pictures: they say what the figures say, whatever these are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from jobs.admin import charts
from jobs.figures import DAY, HOUR, NOTHING, Course, Figures, Span
from tests.jobs.statistics import counted

START = datetime(2026, 11, 21, 13, 0, tzinfo=UTC)


def course(steps: Sequence[Figures], span: Span = HOUR) -> Course:
    """A course that ends with these steps."""
    quiet = [NOTHING] * (span.steps - len(steps))
    starts = [START + span.step * n for n in range(span.steps)]
    return Course(span, starts, [*quiet, *steps])


def ended(
    done: int = 0, failed: int = 0, waits: Sequence[float] = (), runs: Sequence[float] = ()
) -> Figures:
    """What one step held."""
    return Figures(done=done, failed=failed, waits=counted(waits), runs=counted(runs))


def drawn(svg: str) -> ET.Element:
    """The picture as XML; it is well formed, carries no style and no script."""
    assert not re.search(r"\sstyle=|<style|<script|\son\w+=", svg)
    return ET.fromstring(svg)


def bars(root: ET.Element, name: str) -> list[float]:
    """The heights of the bars of a class."""
    return [float(one.get("height", "0")) for one in root.iter("rect") if one.get("class") == name]


def test_bars_are_as_high_as_their_counts() -> None:
    root = drawn(charts.throughput_svg(course([ended(10), ended(20, 20), ended(0, 10)])))

    done, failed = bars(root, "jobs-done"), bars(root, "jobs-failed-hatched")
    assert done == pytest.approx([done[0], 2 * done[0]], rel=0.02)
    assert failed == pytest.approx([2 * done[0], done[0]], rel=0.02)
    assert root.get("aria-label") == "30 jobs done in the last hour, 30 failed"


def test_one_failure_among_very_many_is_seen() -> None:
    root = drawn(charts.throughput_svg(course([ended(1_000_000, 1)])))

    assert bars(root, "jobs-failed-hatched") == [pytest.approx(3.0)]
    assert any(one.get("class") == "jobs-failed-mark" for one in root.iter("path"))


@pytest.mark.parametrize("peak", [1, 3, 7, 99, 1_000, 61_000, 123_456_789])
def test_the_axis_reaches_the_peak_with_whole_numbers(peak: int) -> None:
    root = drawn(charts.throughput_svg(course([ended(peak)])))

    (tallest,) = bars(root, "jobs-done")
    ticks = [one.text or "" for one in root.iter("text") if one.get("class") == "jobs-tick"]
    units = {"": 1, " k": 10**3, " M": 10**6, " G": 10**9}
    found = (re.fullmatch(r"([\d,.]+)( [kMG]|)", text) for text in ticks)
    marks = [float(one[1].replace(",", "")) * units[one[2]] for one in found if one]
    assert marks[-1] >= peak
    assert 2 <= len(marks) <= 7
    assert 0 < tallest <= charts._PLOT_HEIGHT + 0.1


def test_the_message_is_a_sentence_that_fits_the_figures() -> None:
    even = ended(runs=[1.0] * 10)
    uneven = ended(runs=[1.0] * 90 + [60.0] * 10)

    assert charts.durations_message(even, Figures.run, "ran").startswith(
        "Nearly all jobs ran about"
    )
    assert "Half of the jobs ran at most" in charts.durations_message(uneven, Figures.run, "ran")
    assert "Nothing to tell" in charts.durations_message(NOTHING, Figures.run, "ran")


def test_longer_durations_stand_higher() -> None:
    steps = [ended(waits=[0.01]), ended(waits=[1.0]), ended(waits=[100.0])]
    root = drawn(charts.durations_svg(course(steps), Figures.wait, "waited"))

    line = next(one for one in root.iter("g") if one.get("class") == "jobs-line jobs-p50")
    path = line[0].get("d", "")
    heights = [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", path)]
    assert heights == sorted(heights, reverse=True)
    # Equal ratios are equal distances.
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], rel=0.1)


def test_a_step_without_jobs_is_a_gap_and_one_alone_a_dot() -> None:
    steps = [ended(runs=[1.0]), NOTHING, ended(runs=[1.0]), ended(runs=[2.0])]
    root = drawn(charts.durations_svg(course(steps), Figures.run, "ran"))

    line = next(one for one in root.iter("g") if one.get("class") == "jobs-line jobs-p50")
    assert line[0].get("d", "").count("M") == 1
    assert len(line.findall("circle")) == 1


@pytest.mark.parametrize(
    "values",
    [
        [0.0],
        [1e-9],
        [1e9],
        [1e-9, 1e9],
        [86_400.0],
        [0.001],
        [1.0] * 100,
    ],
)
def test_the_strangest_durations_stay_inside_the_frame(values: list[float]) -> None:
    steps = [ended(1, runs=[value]) for value in values[:60]]
    svg = charts.durations_svg(course(steps), Figures.run, "ran")

    heights = [float(y) for _, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", svg)]
    heights += [float(y) for y in re.findall(r'cy="(-?[\d.]+)"', svg)]
    assert heights
    assert all(charts._TOP - 0.1 <= y <= charts._BOTTOM + 0.1 for y in heights)
    drawn(svg)


@pytest.mark.parametrize(
    "ends",
    [[1.0, 1.0, 1.0], [0.001, 0.001, 0.002], [3000.0, 3000.0, 3500.0], [0.1, 1.0, 10.0]],
)
def test_labels_of_lines_never_overlap(ends: list[float]) -> None:
    waits = [ends[0]] * 90 + [ends[1]] * 8 + [ends[2]] * 2
    root = drawn(charts.durations_svg(course([ended(waits=waits)]), Figures.wait, "waited"))

    labels = [
        (float(one.get("y", "0")), one.text)
        for one in root.iter("text")
        if "jobs-label" in one.get("class", "")
    ]
    heights = sorted(y for y, _ in labels)
    assert {name for _, name in labels} == {"p50", "p95", "p99"}
    assert all(later - one >= 12.9 for one, later in pairwise(heights))
    assert heights[0] > 0
    assert heights[-1] <= charts._BOTTOM + 5


def test_pictures_of_a_day_name_their_steps() -> None:
    root = drawn(charts.throughput_svg(course([ended(5)], DAY)))

    assert "Jobs in each 15 minutes" in {one.text for one in root.iter("text")}
    assert root.get("aria-label") == "5 jobs done in the last day, none failed"


def test_nothing_ended_is_a_sentence_without_a_picture() -> None:
    (only,) = charts.pictures(course([]))

    assert only.message == "No job ended in the last hour"
    assert only.svg is None
    assert charts.rows(course([])) == []


def test_the_table_holds_what_the_pictures_show_the_latest_first() -> None:
    first = ended(2, 1, waits=[0.1], runs=[2.0])
    rows = charts.rows(course([first, NOTHING, Figures(cancelled=3)]))

    assert [(row.done, row.failed, row.cancelled) for row in rows] == [
        ("0", "0", "3"),
        ("2", "1", "0"),
    ]
    assert rows[0].quantiles == ["\u2013"] * 6
    assert rows[1].quantiles[0] == "99\u00a0ms"
    assert rows[1].start < rows[0].start


def test_the_small_picture_says_the_same() -> None:
    root = drawn(charts.spark_svg(course([ended(10), ended(5, 5)])))

    assert root.get("aria-label") == "15 jobs done in the last hour, 5 failed"
    assert sum(bars(root, "jobs-failed")) == pytest.approx(15.0, rel=0.05)
