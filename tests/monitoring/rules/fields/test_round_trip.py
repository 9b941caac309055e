"""What the form can say comes back the same, whichever way it goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.rules import parse
from monitoring.rules.fields import (
    Amount,
    Comparisons,
    Fields,
    Mail,
    Row,
    Telling,
    fields_of,
    posted_condition,
    posted_telling,
    read_condition,
    read_telling,
    telling_of,
)
from monitoring.rules.telling import parse_actions
from tests.monitoring.rules.test_agreement import rules

ORDERS = ["gt", "gte", "lt", "lte", "eq", "ne"]
SEVERITIES = ["none", "low", "medium", "high", "critical"]
EVENTS = ["fired", "worsened", "repeated", "escalated", "resolved"]

shares = st.floats(0, 1)
numbers = st.one_of(st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False))
texts = st.text(
    st.one_of(st.sampled_from(' ,"é7'), st.characters(exclude_categories=["C", "Zl", "Zp"])),
    max_size=6,
)
orders = st.sampled_from(ORDERS)
columns = st.text(st.sampled_from("ab .-\"é['"), min_size=1, max_size=4).filter(
    lambda name: name == name.strip()
)
spans = st.one_of(
    st.builds(lambda count: {"points": count}, st.integers(1, 10_000)),
    st.builds(lambda time: {"seconds": time}, st.integers(1, 31 * 86_400)),
    st.builds(lambda time: {"seconds": time}, st.floats(1, 90_000)),
)


def leaf(metric: Any, op: Any, value: Any, **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    """One comparison."""
    return st.fixed_dictionaries({"metric": metric, "op": op, "value": value} | more)


def one_or_many(values: Any, metric: Any, **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A comparison with one value, or with several."""
    many = st.lists(values, min_size=1, max_size=3)
    return leaf(metric, orders, values, **more) | leaf(metric, st.just("in"), many, **more)


metas = columns.map(lambda name: f"meta.{name}")
leaves = st.one_of(
    leaf(st.just("severity"), orders, st.sampled_from(SEVERITIES)),
    leaf(
        st.just("severity"),
        st.just("in"),
        st.sets(st.sampled_from(SEVERITIES), min_size=1).map(
            lambda chosen: sorted(chosen, key=SEVERITIES.index)
        ),
    ),
    one_or_many(numbers, st.sampled_from(["distance", "ratio"])),
    one_or_many(shares, st.just("p_value")),
    leaf(st.just("off_map"), st.just("eq"), st.booleans()),
    leaf(metas, st.sampled_from(["eq", "ne"]), texts),
    leaf(metas, st.just("in"), st.lists(texts, min_size=1, max_size=3)),
    one_or_many(numbers, metas),
    one_or_many(st.integers(0, 100), st.just("window.count"), window=spans),
    one_or_many(st.floats(0, 100), st.just("window.anomaly_pct"), window=spans),
    one_or_many(shares, st.just("drift.p_value"), window=spans),
    leaf(st.just("no_data_seconds"), orders, st.integers(0, 86_400)),
)
many = st.lists(leaves, min_size=2, max_size=4)
trees = st.one_of(
    leaves,
    many.map(lambda parts: {"all": parts}),
    many.map(lambda parts: {"any": parts}),
)
documents = st.fixed_dictionaries(
    {"condition": trees},
    optional={
        "clear": trees,
        "for": spans.filter(lambda span: span != {"points": 1}),
        "keep_firing_for": spans.filter(lambda span: span != {"points": 1}),
        "group_by": st.lists(metas, min_size=1, max_size=5, unique=True),
        "no_data": st.sampled_from(["ok", "alert"]),
        "no_data_after": spans.filter(lambda span: span.get("seconds", 900) != 900),
    },
).map(
    lambda said: (
        {key: said[key] for key in said if key != "no_data"}
        if "no_data_seconds" in str(said)
        else said
    )
)
mails = st.lists(st.sampled_from(["a@b.org", "Shift.7@plant.example"]), min_size=1, max_size=2)
events = st.sets(st.sampled_from(EVENTS), min_size=1, max_size=3).map(sorted)
options = {"events": events, "severity": st.sampled_from(SEVERITIES[2:])}
actions = st.builds(
    lambda letters, hooks: letters + hooks,
    st.lists(
        st.fixed_dictionaries({"type": st.just("email"), "to": mails}, optional=options),
        max_size=2,
    ),
    st.lists(st.fixed_dictionaries({"type": st.just("webhook")}, optional=options), max_size=1),
)


def sent(said: Fields | Telling) -> dict[str, list[str]]:
    """What a browser sends of fields: every field of every row, text as it stands in it."""
    names = {"mails": "mail", "tells_webhooks": "webhook"}
    found: dict[str, list[str]] = {}
    for name, value in asdict(said).items():
        found |= dict(pairs(names.get(name, name.replace("webhook_", "webhook-")), value))
    return found


def pairs(name: str, value: Any) -> Iterator[tuple[str, list[str]]]:
    """Names and values of one field; rows that were removed before leave gaps in the numbers."""
    match value:
        case {"number": number, "unit": unit}:
            yield from ((name, [number]), (f"{name}-unit", [unit]))
        case {"join": join, "rows": rows}:
            yield f"{name}-join", [join]
            yield from pairs(name, rows)
        case [{}, *_]:
            for place, row in enumerate(value):
                for key, one in row.items():
                    yield from pairs(f"{name}-{place * 3}-{key}", one)
        case str():
            yield name, [value]
        case [*texts]:
            yield name, list(texts)
        case True:
            yield name, ["on"]


@given(documents)
def test_a_condition_comes_back_from_the_form_as_it_was(document: dict[str, Any]) -> None:
    fields = fields_of(document)

    assert fields is not None
    assert posted_condition(sent(fields)) == fields
    read = read_condition(fields)
    assert not read.wrong
    assert read.document == document
    assert fields_of(read.document) == fields


@given(actions)
def test_who_is_told_comes_back_from_the_form_as_it_was(document: list[dict[str, Any]]) -> None:
    telling = telling_of(document)

    assert telling is not None
    assert posted_telling(sent(telling)) == telling
    read = read_telling(telling)
    assert not read.wrong
    assert set(parse_actions(read.document)) == set(parse_actions(document))
    assert telling_of(read.document) == telling


def leaves_of(document: dict[str, Any]) -> list[Any]:
    """What is compared, with severities in any order."""
    return [
        (one.metric, one.op, one.window, {repr(value) for value in values})
        for one in parse(document).leaves
        for values in [one.value if isinstance(one.value, tuple) else (one.value,)]
    ]


@given(rules)
def test_whatever_the_form_shows_says_the_same_as_the_rule(document: dict[str, Any]) -> None:
    fields = fields_of(document)

    if fields is None:
        assert any(word in str(document) for word in ("'not'", "'all'", "'any'", "'ne'", "'in'"))
        return
    again = read_condition(fields).document
    assert fields_of(again) == fields
    assert leaves_of(again) == leaves_of(document)


@pytest.mark.parametrize(
    "tree",
    [
        {"not": {"metric": "off_map", "op": "eq", "value": True}},
        {"any": [{"all": [{"metric": "ratio", "op": "gt", "value": 1}] * 2}] * 2},
        {"metric": "off_map", "op": "ne", "value": True},
        {"metric": "meta.hall", "op": "eq", "value": True},
        {"metric": "meta.hall", "op": "in", "value": ["a", 7]},
        {"metric": "meta.hall", "op": "eq", "value": "two\nlines"},
        {"metric": "meta. hall", "op": "eq", "value": "a"},
        {"metric": "speed", "op": "eq", "value": 1},
        [],
    ],
)
def test_what_the_form_cannot_say_is_left_to_json(tree: Any) -> None:
    assert fields_of({"condition": tree}) is None


def test_two_webhooks_are_left_to_json() -> None:
    both = [{"type": "webhook"}, {"type": "webhook", "events": ["escalated"]}]

    assert telling_of(both) is None
    assert telling_of({"type": "webhook"}) is None


def test_lists_of_one_and_unsorted_severities_are_said_plainly() -> None:
    low = {"metric": "severity", "op": "in", "value": ["high", "low", "low"]}

    fields = fields_of({"any": [{"all": [low]}]})

    assert fields is not None
    assert read_condition(fields).document == {"condition": low | {"value": ["low", "high"]}}


def test_an_empty_form_is_what_nothing_sends() -> None:
    assert posted_condition({}) == Fields(no_data_after=Amount("", "seconds"))
    assert posted_telling({"mail-4-events": ["fired"]}) == Telling(
        [Mail("", "low", ("fired",))], webhook_events=()
    )
    row = Row(metric="distance", value="3", window=Amount("2", "hours"))
    assert Comparisons("all", [Row(), row]).filled == [(1, row)]
