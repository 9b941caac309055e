"""The evaluator, batch by batch through JSON, says what the plain reading of the history says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.rules import (
    Change,
    Definition,
    GroupState,
    Sample,
    on_sample,
    on_tick,
    parse,
    windows,
)
from monitoring.rules.samples import microseconds, moment
from monitoring.rules.waiting import next_change
from tests.monitoring.rules.reference import Event, play

START: Final = datetime(2026, 11, 1, tzinfo=UTC)

levels = st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])
numbers = levels.map(lambda value: value * 4)
orders = st.sampled_from(["gt", "gte", "lt", "lte", "eq", "ne"])
severities = st.sampled_from(["none", "low", "medium", "high", "critical"])
spans = st.one_of(
    st.builds(lambda n: {"points": n}, st.integers(1, 9)),
    st.builds(lambda n: {"seconds": n}, st.sampled_from([1, 5, 30, 120])),
)


def leaf(metric: Any, op: Any, value: Any, **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"metric": metric, "op": op, "value": value} | more)


leaves = st.one_of(
    leaf(st.just("severity"), orders, severities),
    leaf(st.just("severity"), st.just("in"), st.lists(severities, min_size=1, max_size=3)),
    leaf(st.sampled_from(["distance", "ratio"]), orders, numbers),
    leaf(st.just("p_value"), orders, levels),
    leaf(st.just("off_map"), st.sampled_from(["eq", "ne"]), st.booleans()),
    leaf(st.just("meta.hall"), st.sampled_from(["eq", "ne"]), st.sampled_from(["a", "b"])),
    leaf(st.just("meta.hall"), st.just("in"), st.just(["a", "c"])),
    leaf(st.just("window.count"), orders, st.integers(0, 4), window=spans),
    leaf(st.just("window.anomaly_pct"), orders, levels.map(lambda v: v * 100), window=spans),
    leaf(st.just("drift.p_value"), orders, levels, window=spans),
    leaf(st.just("no_data_seconds"), orders, st.sampled_from([0, 5, 60])),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=4,
).filter(lambda tree: depth(tree) <= 5)


def depth(tree: dict[str, Any]) -> int:
    inner = tree.get("all") or tree.get("any") or ([tree["not"]] if "not" in tree else [])
    return 1 + max(map(depth, inner), default=0)


def watches_silence(document: dict[str, Any]) -> bool:
    return "no_data_seconds" in json.dumps(document)


rules = st.fixed_dictionaries(
    {"condition": trees},
    optional={
        "clear": trees,
        "for": spans,
        "keep_firing_for": spans,
        "no_data": st.sampled_from(["ok", "alert", "keep"]),
        "no_data_after": st.sampled_from([{"seconds": 20}, {"seconds": 60}]),
    },
).map(lambda said: said | {"no_data": "keep"} if watches_silence(said) else said)

nan = float("nan")
samples = st.builds(
    Sample,
    at=st.just(START),
    severity=st.sampled_from([None, 0, 0, 1, 3, 4]),
    distance=st.sampled_from([None, nan, 0.0, 0.8, 2.0, 4.0, float("inf")]),
    p_value=st.sampled_from([None, nan, 0.0, 0.01, 0.2, 0.5, 1.0]),
    ratio=st.sampled_from([nan, 0.0, 2.0, 3.6]),
    off_map=st.sampled_from([None, True, False]),
    calibration=st.sampled_from([None, 20, 20, 50]),
    meta=st.sampled_from([{}, {"hall": "a"}, {"hall": "b"}, {"hall": None}]),
)
steps = st.sampled_from([0, 0, 1, 1, 1, 5, 30, 61, -3])
histories = st.lists(st.tuples(steps, st.one_of(samples, samples, st.none())), max_size=30)


def dated(history: list[tuple[int, Sample | None]]) -> list[Event]:
    at, events = START, list[Event]()
    for step, sample in history:
        at += timedelta(seconds=step)
        events.append(at if sample is None else _at(sample, at))
    return events


def _at(sample: Sample, at: datetime) -> Sample:
    fields = {name: getattr(sample, name) for name in Sample.__dataclass_fields__}
    return Sample(**(fields | {"at": at}))


def incremental(rule: Definition, events: list[Event], cuts: set[int]) -> list[list[Change]]:
    state, told = GroupState(), list[list[Change]]()
    for index, event in enumerate(events):
        if index in cuts:
            state = GroupState.from_json(json.loads(json.dumps(state.as_json(), allow_nan=False)))
        if isinstance(event, Sample):
            told.append(on_sample(rule, state, event))
        else:
            told.append(on_tick(rule, state, event))
    return told


@settings(max_examples=250, deadline=None)
@given(rules, histories, st.sets(st.integers(0, 30)))
def test_in_batches_the_same_happens_as_by_the_whole_history(
    document: dict[str, Any], history: list[tuple[int, Sample | None]], cuts: set[int]
) -> None:
    rule = parse(document)
    events = dated(history)

    assert incremental(rule, events, cuts) == play(rule, events)


@settings(max_examples=150, deadline=None)
@given(rules, histories)
def test_between_two_moments_that_are_foreseen_time_changes_nothing(
    document: dict[str, Any], history: list[tuple[int, Sample | None]]
) -> None:
    rule, state = parse(document), GroupState()
    shown = [event for event in dated(history) if isinstance(event, Sample)]
    for sample in shown:
        on_sample(rule, state, sample)
    at = START + timedelta(hours=2)
    on_tick(rule, state, max([START, *(sample.at for sample in shown)]) + timedelta(seconds=1))

    for _ in range(200):
        foreseen = next_change(rule, state)
        at_most = microseconds(at) if foreseen is None else foreseen - 1
        if at_most > (state.at or 0):
            assert on_tick(rule, state, moment(at_most)) == []
        if foreseen is None:
            return
        on_tick(rule, state, moment(foreseen))
    pytest.fail("time goes on to change something, though nothing comes")


FAR: Final = {"metric": "distance", "op": "gt", "value": 2}
NEAR: Final = {"metric": "distance", "op": "lt", "value": 1}
walks = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 10, 20, 60]),
        st.sampled_from([None, 0.0, 0.0, 1.5, 1.5, 4.0, 4.0, nan]).map(
            lambda far: None if far is None else Sample(at=START, distance=far)
        ),
    ),
    min_size=8,
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(spans, spans, st.sampled_from(["ok", "alert", "keep"]), walks)
def test_a_walk_between_the_thresholds_is_followed(
    lasting: dict[str, Any],
    calm: dict[str, Any],
    no_data: str,
    walk: list[tuple[int, Sample | None]],
) -> None:
    rule = parse(
        {
            "condition": FAR,
            "clear": NEAR,
            "for": lasting,
            "keep_firing_for": calm,
            "no_data": no_data,
            "no_data_after": {"seconds": 50},
        }
    )
    events = dated(walk)

    assert incremental(rule, events, {7, 13}) == play(rule, events)


@settings(max_examples=60, deadline=None)
@given(
    leaf(
        st.sampled_from(["window.count", "window.anomaly_pct", "drift.p_value"]),
        st.sampled_from(["gt", "lte"]),
        st.just(1),
        window=spans,
    ),
    st.lists(st.tuples(st.sampled_from([0, 1, 3, 40]), samples), min_size=8, max_size=60),
)
def test_windows_slide_as_the_history_does(
    document: dict[str, Any], history: list[tuple[int, Sample | None]]
) -> None:
    rule = parse(document)
    events = dated(history)

    assert incremental(rule, events, {10, 20}) == play(rule, events)


def test_a_window_of_seconds_holds_no_more_than_so_many_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "MOST_POINTS", 4)
    rule = parse({"metric": "window.count", "op": "gte", "value": 5, "window": {"seconds": 60}})
    state = GroupState()

    told = [on_sample(rule, state, Sample(at=START, severity=2)) for _ in range(9)]

    assert told == [[]] * 9
    [window] = state.windows.values()
    assert len(window.entries) == 4
