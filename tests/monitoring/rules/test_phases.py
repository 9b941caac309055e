"""The way of a group: pending, active, recovering, and silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from monitoring.rules import GroupState, Phase, Sample, group_of, on_sample, on_tick, parse
from monitoring.rules.windows import drift
from monitoring.scoring import Detector
from monitoring.scoring import drift as drift_of_scores
from monitoring.scoring.mahalanobis import Spread

START = datetime(2026, 11, 1, tzinfo=UTC)
FAR = {"metric": "distance", "op": "gt", "value": 10}
NEAR = {"metric": "distance", "op": "lt", "value": 8}


class Machine:
    """A machine under one rule; each step says what changed."""

    def __init__(self, **rule: Any) -> None:
        self.rule = parse({"condition": FAR} | rule)
        self.state = GroupState()
        self.at = START

    def shows(self, *distances: float | None, after: float = 1) -> list[str]:
        told = []
        for distance in distances:
            self.at += timedelta(seconds=after)
            sample = Sample(at=self.at, distance=distance, severity=1)
            told += [change.what.value for change in on_sample(self.rule, self.state, sample)]
        return told

    def waits(self, seconds: float) -> list[str]:
        self.at += timedelta(seconds=seconds)
        return [change.what.value for change in on_tick(self.rule, self.state, self.at)]


def test_one_bad_sample_is_told_at_once_unless_it_must_last() -> None:
    assert Machine().shows(12) == ["fired"]
    assert Machine(**{"for": {"points": 3}}).shows(12, 12, 12) == ["pending", "fired"]


def test_a_good_sample_begins_the_count_anew() -> None:
    machine = Machine(**{"for": {"points": 3}})

    assert machine.shows(12, 12, 5, 12, 12) == ["pending", "calmed", "pending"]
    assert machine.shows(12) == ["fired"]


def test_what_lasts_is_told_even_if_nothing_more_comes() -> None:
    machine = Machine(**{"for": {"seconds": 60}})

    assert machine.shows(12) == ["pending"]
    assert machine.waits(59) == []
    assert machine.waits(1) == ["fired"]


def test_between_the_thresholds_nothing_changes() -> None:
    machine = Machine(clear=NEAR)

    assert machine.shows(12, 9, 9, 11) == ["fired", "seen"]
    assert machine.shows(7) == ["resolved"]
    assert machine.shows(9) == []


def test_a_recovery_must_last_and_a_relapse_is_no_new_alert() -> None:
    machine = Machine(clear=NEAR, keep_firing_for={"points": 3})

    assert machine.shows(12, 7, 7, 12) == ["fired", "recovering", "active_again", "seen"]
    assert machine.shows(7, 9, 7, 7) == ["recovering", "active_again", "recovering"]
    assert machine.shows(7) == ["resolved"]


@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_a_value_that_is_not_known_neither_raises_nor_ends(unknown: float | None) -> None:
    machine = Machine()

    assert machine.shows(unknown, 12, unknown, unknown) == ["fired"]
    assert machine.state.phase == Phase.ACTIVE
    assert machine.shows(5) == ["resolved"]


def test_the_opposite_of_what_is_not_known_is_not_known() -> None:
    assert Machine(condition={"not": FAR}).shows(None) == []
    assert Machine(condition={"any": [FAR, {"not": FAR}]}).shows(None) == []


def test_an_infinite_distance_is_far() -> None:
    assert Machine().shows(float("inf")) == ["fired"]


def test_silence_is_an_alert_where_the_rule_says_so() -> None:
    machine = Machine(no_data="alert", no_data_after={"seconds": 60})
    machine.shows(12)

    assert machine.waits(59) == []
    assert machine.waits(1) == ["no_data"]
    assert machine.waits(600) == []
    assert machine.shows(5) == ["data_again", "resolved"]


def test_silence_ends_an_alert_where_the_rule_says_so() -> None:
    machine = Machine(no_data="ok", no_data_after={"seconds": 60})
    machine.shows(12)

    assert machine.waits(60) == ["resolved"]
    assert machine.waits(60) == []
    assert machine.shows(12) == ["fired"]


def test_silence_changes_nothing_where_the_rule_says_nothing() -> None:
    machine = Machine(keep_firing_for={"seconds": 2000})
    machine.shows(12, 5)

    assert machine.waits(899) == []
    assert machine.waits(5000) == []  # the last word on the machine is too old to end an alert
    assert machine.shows(5) == ["resolved"]


def test_a_machine_that_never_sent_anything_is_silent_from_the_first_look_on() -> None:
    machine = Machine(no_data="alert", no_data_after={"seconds": 60})

    assert machine.waits(0) == []
    assert machine.waits(60) == ["no_data"]


def test_silence_can_be_a_condition() -> None:
    machine = Machine(condition={"metric": "no_data_seconds", "op": "gte", "value": 30})

    assert machine.shows(12) == []
    assert machine.waits(29) == []
    assert machine.waits(1) == ["fired"]
    assert machine.shows(12) == ["resolved"]


def test_a_share_waits_until_its_window_is_full() -> None:
    condition = {"metric": "window.anomaly_pct", "op": "gte", "value": 50, "window": {"points": 4}}
    machine = Machine(condition=condition)

    assert machine.shows(1, 1, 1) == []
    assert machine.shows(1) == ["fired"]


def test_a_window_of_seconds_empties_by_itself() -> None:
    condition = {"metric": "window.count", "op": "gte", "value": 2, "window": {"seconds": 10}}
    machine = Machine(condition=condition)

    assert machine.shows(1, 1) == ["fired"]
    assert machine.waits(9) == ["resolved"]


def test_a_changed_rule_keeps_the_samples_of_windows_it_still_has() -> None:
    condition = {"metric": "window.count", "op": "gte", "value": 9, "window": {"points": 5}}
    machine = Machine(condition=condition)
    machine.shows(1, 1, 1)

    machine.rule = parse({"all": [condition | {"value": 4}, FAR]})

    assert machine.shows(12) == ["fired"]


def test_late_samples_count_as_of_now() -> None:
    machine = Machine(**{"for": {"seconds": 60}})
    machine.shows(12)

    assert machine.shows(12, after=-3600) == []
    machine.at += timedelta(seconds=3600)
    assert machine.shows(12, after=60) == ["fired"]


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        on_tick(parse(FAR), GroupState(), datetime(2026, 11, 1))


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("digits", "slack"), [(9, 1e-6), (1, 0.2)])
def test_the_window_s_test_is_that_of_the_scores_and_with_ties_less_eager(
    shift: float, digits: int, slack: float
) -> None:
    chance = np.random.default_rng(1)
    healthy = np.sort(chance.normal(size=200).round(digits))
    window = (chance.normal(size=40) + shift).round(digits)
    p_values = [(1 + (healthy >= one).sum()) / 201 for one in window]

    ours = drift(40, float(sum(p_values)), 200)

    theirs = drift_of_scores(window, _detector(healthy))
    assert ours is not None
    assert theirs - 1e-6 <= ours <= theirs + slack


def test_healthy_windows_drift_as_seldom_as_promised() -> None:
    chance = np.random.default_rng(2)
    alarms = 0
    for _ in range(400):
        healthy = np.sort(chance.normal(size=100))
        above = 100 - np.searchsorted(healthy, chance.normal(size=30))
        value = drift(30, float(((1 + above) / 101).sum()), 100)
        alarms += value is not None and value <= 0.05
    assert alarms <= 0.05 * 400 + 3 * (0.05 * 0.95 * 400) ** 0.5


@pytest.mark.parametrize(
    ("value", "text"), [(6.0, "6"), (6.5, "6.5"), ("6", "6"), (True, "true"), (None, "")]
)
def test_groups_are_named_by_the_text_of_their_values(value: Any, text: str) -> None:
    sample = Sample(at=START, meta={"hall": value})

    assert group_of(sample, ["meta.hall"]) == (("meta.hall", text),)


def test_metadata_is_compared_as_text_or_as_a_number() -> None:
    def fires(op: str, value: Any, found: Any) -> bool:
        rule = parse({"metric": "meta.hall", "op": op, "value": value})
        return bool(on_sample(rule, GroupState(), Sample(at=START, meta={"hall": found})))

    assert fires("eq", 6, "6.0")
    assert fires("eq", "6", 6.0)
    assert fires("in", ["a", 7], 7)
    assert fires("gte", 5, "5")
    assert not fires("gte", 5, "five")
    assert not fires("ne", 5, "five")
    assert fires("ne", "a", "b")
    assert not fires("ne", "a", None)


def _detector(healthy: NDArray[np.float64]) -> Detector:
    flat = Spread(np.zeros(2), np.eye(2))
    return Detector("feature_knn", "leave-one-out", healthy, None, flat, 0.0, 1.0)
