"""What is wrong with a form stands beside the field that it is about."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.rules import MOST_LEAVES
from monitoring.rules.fields import (
    Amount,
    Comparisons,
    Fields,
    Mail,
    Row,
    Telling,
    posted_telling,
    read_condition,
    read_telling,
)
from monitoring.rules.fields.amounts import (
    amount_of_seconds,
    number_of,
    number_text,
    seconds_of,
    text_of,
    texts_of,
    typed_texts,
)


def of(*rows: Row, join: str = "all", **more: Any) -> Fields:
    """A form with these rows."""
    return Fields(condition=Comparisons(join, list(rows)), **more)


def test_empty_rows_are_left_out_and_the_others_keep_their_fields() -> None:
    fields = of(
        Row(),
        Row(metric="distance", value="3"),
        Row(),
        Row(metric="p_value", op="lt", value="7"),
        Row(),
        join="any",
    )

    read = read_condition(fields)

    assert read.document["condition"]["any"][0] == {"metric": "distance", "op": "gte", "value": 3}
    assert read.wrong == {"condition-3-value": ["p_value goes from 0 to 1; 7 is outside."]}


def test_one_row_is_a_comparison_by_itself() -> None:
    read = read_condition(of(Row(metric="off_map", truth="no"), Row(), join="any"))

    assert read.document == {"condition": {"metric": "off_map", "op": "eq", "value": False}}


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (Row(value="7"), "metric"),
        (Row(metric="speed"), "metric"),
        (Row(metric="distance"), "value"),
        (Row(metric="distance", value="0,5"), "value"),
        (Row(metric="distance", value="nan"), "value"),
        (Row(metric="distance", op="in", value="1, two"), "value"),
        (Row(metric="distance", op="over", value="1"), "op"),
        (Row(metric="severity", severity="grave"), "severity"),
        (Row(metric="severity", op="in"), "severities"),
        (Row(metric="column", value="a"), "column"),
        (Row(metric="column", column="hall"), "value"),
        (Row(metric="column", column="hall", value='"a'), "value"),
        (Row(metric="column", column="hall", column_op="in", value='"a" b'), "value"),
        (Row(metric="column", column="hall", column_op="number.gt", value="a"), "value"),
        (Row(metric="column", column="hall", column_op="gt", value="a"), "value"),
        (Row(metric="column", column="hall", column_op="like", value="a"), "column_op"),
        (Row(metric="column", column="h" * 200, value="a"), "column"),
        (Row(metric="column", column="hall", value="a" * 201), "value"),
        (Row(metric="window.count", value="3"), "window"),
        (Row(metric="window.count", value="3", window=Amount("2.5")), "window"),
        (Row(metric="window.count", value="3", window=Amount("40", "days")), "window"),
        (Row(metric="window.count", value="3", window=Amount("1", "years")), "window"),
        (Row(metric="window.anomaly_pct", value="101", window=Amount("9")), "value"),
    ],
)
def test_each_problem_of_a_row_names_its_field(row: Row, field: str) -> None:
    read = read_condition(of(Row(metric="distance", value="1"), row))

    assert list(read.wrong) == [f"condition-1-{field}"]


def test_everything_is_told_at_once() -> None:
    fields = of(
        Row(metric="distance", value="far"),
        Row(metric="p_value", value="2"),
        clear=Comparisons("any", [Row()]),
        lasting=Amount("0"),
        calm=Amount("x", "hours"),
        columns=list("abcdef"),
        more_columns='"g',
        no_data="perhaps",
        no_data_after=Amount("0.5", "seconds"),
    )

    assert set(read_condition(fields).wrong) == {
        "condition-0-value",
        "condition-1-value",
        "clear-0-metric",
        "lasting",
        "calm",
        "columns",
        "more_columns",
        "no_data",
        "no_data_after",
    }


def test_nothing_to_look_at_is_a_problem_of_the_first_row() -> None:
    assert list(read_condition(Fields()).wrong) == ["condition-0-metric"]


def test_too_many_rows_are_told_at_the_first_that_is_too_many() -> None:
    rows = [Row(metric="distance", value="1")] * (MOST_LEAVES + 1)

    assert list(read_condition(of(*rows)).wrong) == [f"condition-{MOST_LEAVES}"]


def test_a_silence_that_the_rule_looks_at_itself_has_no_second_meaning() -> None:
    row = Row(metric="no_data_seconds", op="gt", value="60")

    assert list(read_condition(of(row, no_data="alert")).wrong) == ["no_data"]


def test_problems_of_addresses_name_the_address_and_its_row() -> None:
    telling = Telling(
        [Mail(), Mail("a@b.org;nobody"), Mail("c@d.org", "grave"), Mail("e@f.org", events=())],
        tells_webhooks=True,
        webhook_events=("fired", "sung"),
    )

    assert read_telling(telling).wrong == {
        "mail-1-to": ["nobody: It is no e-mail address."],
        "mail-2-severity": ["It is one of low, medium, high, critical."],
        "mail-3-events": ["Choose one or more."],
        "webhook-events": [
            "It is a list of one or more of fired, worsened, repeated, escalated, resolved."
        ],
    }


def test_too_many_rows_of_addresses_are_told() -> None:
    sent = {
        f"mail-{number}-{key}": [value]
        for number in range(30)
        for key, value in (("to", "a@b.org"), ("events", "fired"))
    }

    assert list(read_telling(posted_telling(sent)).wrong) == ["telling"]


def test_numbers_and_times_are_read_as_people_type_them() -> None:
    assert number_of(" 12 ") == 12
    assert number_of("1e-6") == 1e-6
    assert number_of("1e999") is None
    assert number_of("9" * 50) is None
    assert number_text(1e22) == "1e+22"
    assert seconds_of(Amount("1.5", "hours")) == 5400
    assert seconds_of(Amount("0.3", "seconds")) == 0.3
    assert seconds_of(Amount("3", "samples")) is None
    assert amount_of_seconds(5400) == Amount("90", "minutes")
    assert amount_of_seconds(0) == Amount("0", "seconds")
    assert amount_of_seconds(604_800) == Amount("7", "days")


def test_texts_keep_what_stands_in_quotation_marks() -> None:
    assert texts_of('north, "a, b" , "say ""x""",, 7" ,') == ["north", "a, b", 'say "x"', '7"']
    assert typed_texts(["a, b", " c", "", "d"]) == '"a, b", " c", "", d'
    assert texts_of("a," * 20_000) is None
    assert text_of(' " a" ') == " a"
    assert text_of('"a", "b"') is None
