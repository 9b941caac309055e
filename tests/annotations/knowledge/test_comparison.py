"""Providers side by side, on made-up boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from annotations.knowledge.comparison import ACCEPTED, COST, Comparison, by_image, compare
from annotations.knowledge.intervals import wilson
from annotations.knowledge.matching import Boxes

IMAGES = 60


def row(images: Any, edges: Any) -> Boxes:
    numbers = np.asarray(images, dtype=np.int64)
    return Boxes(numbers, np.zeros(len(numbers), dtype=np.int64), np.asarray(edges, dtype=float))


def two_birds() -> Boxes:
    """Two birds in each image."""
    return row(np.repeat(np.arange(IMAGES), 2), [[0, 0, 4, 4], [5, 5, 9, 9]] * IMAGES)


def careful() -> np.ndarray:
    """Finds the first bird, exactly, and nothing else; a dollar each image, accepted."""
    rows = by_image(two_birds(), row(range(IMAGES), [[0, 0, 4, 4]] * IMAGES), images=IMAGES)
    rows[:, COST], rows[:, ACCEPTED] = 1, 1
    return rows


def eager() -> np.ndarray:
    """Finds both, loosely, and a third that is none; two dollars an image, two accepted."""
    edges = [[0, 0, 4, 3], [5, 5, 9, 8], [20, 20, 24, 24]] * IMAGES
    found = row(np.repeat(np.arange(IMAGES), 3), edges)
    rows = by_image(two_birds(), found, images=IMAGES)
    rows[:, COST], rows[:, ACCEPTED] = 2, 2
    return rows


@pytest.fixture(scope="module")
def found() -> Comparison:
    latencies = {"careful": np.arange(1.0, 101.0), "eager": np.empty(0)}
    return compare({"careful": careful(), "eager": eager()}, latencies, resamples=300)


def values(found: Comparison, name: str) -> dict[str, float | None]:
    return {key: figure.value for key, figure in found.standings[name].figures.items()}


def test_each_figure_is_what_it_says(found: Comparison) -> None:
    assert found.images == IMAGES
    assert values(found, "careful") == {
        "precision": 1,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "mean_iou": 1,
        "cost_per_accepted": 1,
    }
    assert values(found, "eager") == {
        "precision": pytest.approx(2 / 3),
        "recall": 1,
        "f1": pytest.approx(0.8),
        "mean_iou": pytest.approx(0.75),
        "cost_per_accepted": 1,
    }
    assert found.standings["eager"].truth == 2 * IMAGES


def test_all_right_is_not_certainty(found: Comparison) -> None:
    precision = found.standings["careful"].figures["precision"]

    assert precision.interval == wilson(IMAGES, IMAGES)


def test_latencies_have_quantiles_and_intervals(found: Comparison) -> None:
    standing = found.standings["careful"]

    assert standing.latency_p50.value == pytest.approx(50.5)
    assert standing.latency_p95.value == pytest.approx(95.05)
    assert standing.latency_p50.interval is not None
    assert 50.5 in standing.latency_p50.interval
    assert found.standings["eager"].latency_p50.value is None


def test_differences_are_of_the_first_minus_the_second(found: Comparison) -> None:
    (difference,) = found.differences

    assert (difference.first, difference.second) == ("careful", "eager")
    assert difference.figures["recall"].value == -0.5
    assert difference.is_clear("recall")
    assert difference.figures["cost_per_accepted"].value == 0
    assert not difference.is_clear("cost_per_accepted")


def test_what_is_hard_for_both_cancels_out() -> None:
    """Both fail in the same images, the one a little more: alone unclear, side by side clear."""
    chance = np.random.default_rng(11)
    hard = chance.random(200) < 0.5
    rows = {}
    for name, extra in (("one", 0), ("other", 12)):
        wrong = hard.copy()
        wrong[np.flatnonzero(~hard)[:extra]] = True
        table = np.zeros((200, 6))
        table[:, 0] = table[:, 1] = 1
        table[:, 2] = table[:, 3] = ~wrong
        rows[name] = table

    found = compare(rows, {}, resamples=500)
    one, other = (found.standings[name].figures["precision"].interval for name in rows)

    assert one is not None
    assert other is not None
    assert one.low < other.high  # they overlap
    assert found.differences[0].is_clear("precision")


def test_where_nothing_was_proposed_there_is_no_precision() -> None:
    nothing = by_image(two_birds(), row([], np.empty((0, 4))), images=IMAGES)

    found = compare({"silent": nothing, "careful": careful()}, {}, resamples=50)

    figures = found.standings["silent"].figures
    assert (figures["precision"].value, figures["recall"].value) == (None, 0)
    assert figures["cost_per_accepted"].interval is None
    assert found.differences[0].figures["precision"].value is None
    assert not found.differences[0].is_clear("precision")


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Of 60 samples of 80 images, 95 % intervals of recall hold the true .7 in 52 at least."""
    chance = np.random.default_rng(12)
    held = 0
    for seed in range(60):
        table = np.zeros((80, 6))
        table[:, 0] = chance.integers(1, 4, 80)
        table[:, 1] = table[:, 0]
        table[:, 2] = chance.binomial(table[:, 0].astype(int), 0.7)
        interval = compare({"one": table}, {}, resamples=200, seed=seed)
        recall = interval.standings["one"].figures["recall"].interval
        assert recall is not None
        held += 0.7 in recall

    assert held >= 52


def test_rows_of_different_images_are_not_compared() -> None:
    with pytest.raises(ValueError, match="the same images"):
        compare({"one": np.zeros((3, 6)), "other": np.zeros((4, 6))}, {})
