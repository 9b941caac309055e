"""A rule as JSON: what is taken, and every problem with its place."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.rules import (
    All,
    AnyOf,
    Definition,
    Leaf,
    NoData,
    Not,
    NotADefinition,
    Span,
    parse,
)

FAR = {"metric": "distance", "op": "gt", "value": 3}


def problems(document: object) -> dict[str, str]:
    with pytest.raises(NotADefinition) as refused:
        parse(document)
    return {problem.path: problem.sentence for problem in refused.value.problems}


def test_a_whole_rule_becomes_a_tree() -> None:
    made = parse(
        {
            "condition": {
                "any": [
                    {"metric": "severity", "op": "in", "value": ["high", "critical"]},
                    {
                        "all": [
                            {"not": {"metric": "off_map", "op": "eq", "value": False}},
                            {
                                "metric": "window.anomaly_pct",
                                "op": "gte",
                                "value": 20,
                                "window": {"points": 50},
                            },
                        ]
                    },
                ]
            },
            "clear": {"metric": "ratio", "op": "lt", "value": 0.8},
            "for": {"points": 3},
            "keep_firing_for": {"seconds": 600},
            "group_by": ["meta.machine", "meta.tool"],
            "no_data": "alert",
            "no_data_after": {"seconds": 3600},
        }
    )

    assert made == Definition(
        condition=AnyOf(
            (
                Leaf("severity", "in", ("high", "critical")),
                All(
                    (
                        Not(Leaf("off_map", "eq", False)),
                        Leaf("window.anomaly_pct", "gte", 20.0, Span(points=50)),
                    )
                ),
            )
        ),
        clear=Leaf("ratio", "lt", 0.8),
        lasting=Span(points=3),
        calm=Span(seconds=600),
        group_by=("meta.machine", "meta.tool"),
        no_data=NoData.ALERT,
        no_data_after=3600,
    )
    assert made.windows == (Span(points=50),)
    assert len(made.leaves) == 4


def test_a_condition_alone_is_a_rule() -> None:
    assert parse(FAR) == Definition(Leaf("distance", "gt", 3.0))


@pytest.mark.parametrize("document", [None, [], "severity", 7, {}, {"metrics": 1}])
def test_what_is_no_rule_is_refused(document: object) -> None:
    assert problems(document)


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({"condition": FAR, "until": 3}, "$.until", "not known"),
        ({"condition": {"all": []}}, "$.condition.all", "one condition or more"),
        ({"condition": {"all": [FAR], "any": [FAR]}}, "$.condition", "all and any together"),
        ({"condition": {}}, "$.condition", "one of all, any, not and metric"),
        ({"condition": {"not": [FAR]}}, "$.condition.not", "an object"),
        ({"all": [FAR, {**FAR, "unit": "mm"}]}, "$.all[1].unit", "not known"),
        ({"all": [FAR], "odd key": 1}, "$['odd key']", "not known"),
        ({**FAR, "metric": "speed"}, "$.metric", "no metric: severity"),
        ({**FAR, "metric": "meta."}, "$.metric", "meta.COLUMN"),
        ({**FAR, "metric": 3}, "$.metric", "no metric"),
        ({**FAR, "op": "between"}, "$.op", "one of gt, gte"),
        ({"metric": "distance", "value": 3}, "$.op", "not nothing"),
        ({"metric": "distance", "op": "gt"}, "$", "no value"),
        ({**FAR, "value": "3"}, "$.value", "a number, not '3'"),
        ({**FAR, "value": True}, "$.value", "a number"),
        ({**FAR, "value": float("nan")}, "$.value", "a number"),
        ({**FAR, "value": 10**400}, "$.value", "a number"),
        ({**FAR, "op": "in"}, "$.value", "a list of 1 to 100"),
        ({**FAR, "op": "in", "value": [1, "x"]}, "$.value[1]", "a number"),
        ({**FAR, "window": {"points": 3}}, "$.window", "has no window"),
        ({"metric": "severity", "op": "gt", "value": "grave"}, "$.value", "none, low, medium"),
        ({"metric": "severity", "op": "gt", "value": ["low"]}, "$.value", "none, low, medium"),
        ({"metric": "off_map", "op": "gt", "value": True}, "$.value", "by eq, ne or in"),
        ({"metric": "off_map", "op": "eq", "value": 1}, "$.value", "true or false"),
        ({"metric": "p_value", "op": "lt", "value": 5}, "$.value", "from 0 to 1; 5 is outside"),
        ({"metric": "meta.hall", "op": "gt", "value": "b"}, "$.value", "a number"),
        ({"metric": "window.count", "op": "gt", "value": 1}, "$", "needs a window"),
        ({"condition": FAR, "for": {"points": 0}}, "$.for.points", "from 1 to 10000"),
        ({"condition": FAR, "for": {"points": 1.5}}, "$.for.points", "whole number"),
        ({"condition": FAR, "for": {"seconds": 0.5}}, "$.for.seconds", "from 1 to"),
        ({"condition": FAR, "for": {"points": 1, "seconds": 1}}, "$.for", '{"points": N} or'),
        ({"condition": FAR, "for": 5}, "$.for", '{"points": N} or'),
        ({"condition": FAR, "no_data_after": {"points": 5}}, "$.no_data_after", "seconds"),
        ({"condition": FAR, "group_by": "meta.hall"}, "$.group_by", "a list of keys"),
        ({"condition": FAR, "group_by": ["hall"]}, "$.group_by[0]", "write meta.COLUMN"),
        ({"condition": FAR, "group_by": ["meta.a", "meta.a"]}, "$.group_by", "twice"),
        ({"condition": FAR, "group_by": [f"meta.{n}" for n in range(6)]}, "$.group_by", "6 keys"),
        ({"condition": FAR, "no_data": "panic"}, "$.no_data", "ok, alert or keep"),
        ({"condition": FAR, "no_data": []}, "$.no_data", "ok, alert or keep"),
    ],
)
def test_a_problem_is_named_with_its_place(document: object, path: str, words: str) -> None:
    found = problems(document)

    assert words in found[path]


def test_all_problems_are_told_at_once() -> None:
    document = {
        "condition": {"any": [{**FAR, "op": "!="}, {"metric": "p_value", "op": "lt", "value": 2}]},
        "for": {"hours": 1},
        "colour": "red",
    }

    found = problems(document)

    assert found.keys() == {
        "$.condition.any[0].op",
        "$.condition.any[1].value",
        "$.for",
        "$.colour",
    }


def test_five_deep_is_taken_and_six_is_not() -> None:
    tree: dict[str, Any] = FAR
    for _ in range(4):
        tree = {"not": tree}
    assert parse(tree)

    assert (
        "5 deep" in problems({"condition": {"all": [tree]}})["$.condition.all[0].not.not.not.not"]
    )


def test_fifty_comparisons_are_taken_and_one_more_is_not() -> None:
    assert parse({"condition": {"all": [FAR] * 25}, "clear": {"any": [FAR] * 25}})

    found = problems({"condition": {"all": [FAR] * 26}, "clear": {"any": [FAR] * 25}})
    assert found.keys() == {"$.clear.any[24]"}


def test_a_rule_that_watches_silence_has_no_second_word_on_it() -> None:
    silence = {"metric": "no_data_seconds", "op": "gt", "value": 600}

    assert parse({"condition": silence, "no_data": "keep"}).tells_silence
    assert "keep" in problems({"condition": silence, "no_data": "alert"})["$.no_data"]


@pytest.mark.parametrize("text", ["\x00", "a\ud800"])
def test_text_that_the_database_cannot_keep_is_refused(text: str) -> None:
    found = problems(
        {
            "condition": {
                "any": [
                    {"metric": "meta.hall", "op": "eq", "value": text},
                    {"metric": "meta.hall", "op": "in", "value": ["a", text]},
                    {"metric": f"meta.{text}", "op": "eq", "value": "a"},
                ]
            },
            "group_by": [f"meta.{text}"],
        }
    )

    assert found.keys() == {
        "$.condition.any[0].value",
        "$.condition.any[1].value[1]",
        "$.condition.any[2].metric",
        "$.group_by[0]",
    }
