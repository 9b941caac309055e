"""The words of the form of a rule: what can be chosen, and what it means."""

from __future__ import annotations

from typing import Any, Final

from monitoring.rules.fields import AS_NUMBER, KINDS, SAMPLES, UNITS

Choices = tuple[tuple[str, str], ...]

# By heading: the metric, its name, what it is.
METRICS: Final[tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]] = (
    (
        "Each sample",
        (
            ("severity", "Severity", "How bad the sample is: none, low, medium, high, critical."),
            ("distance", "Distance", "How far the sample lies from the healthy rows."),
            (
                "ratio",
                "Distance ratio",
                "The distance over that of the farthest healthy row: 1 is as far.",
            ),
            ("p_value", "p-value", "The share of healthy rows that lie as far: 0 to 1."),
            ("off_map", "Off the map", "It resembles no healthy row at all."),
            ("column", "Column of the file", "What the file says beside the features."),
        ),
    ),
    (
        "The last samples",
        (
            ("window.anomaly_pct", "Share of anomalies, %", "Of the samples in the window."),
            ("window.count", "Number of anomalies", "In the window."),
            (
                "drift.p_value",
                "Drift, p-value",
                "One test whether the window as a whole has moved: small is suspicious.",
            ),
        ),
    ),
    (
        "The stream",
        (("no_data_seconds", "Seconds without data", "Since the last sample came."),),
    ),
)
METRIC_CHOICES: Final = tuple(
    (heading, tuple((name, word, KINDS[name]) for name, word, _ in rows))
    for heading, rows in METRICS
)
OPS: Final[Choices] = (
    ("gt", "is above"),
    ("gte", "is at least"),
    ("lt", "is below"),
    ("lte", "is at most"),
    ("eq", "is"),
    ("ne", "is not"),
    ("in", "is one of"),
)
COLUMN_OPS: Final[tuple[tuple[str, Choices], ...]] = (
    ("As text", (("eq", "is"), ("ne", "is not"), ("in", "is one of"))),
    (
        "As a number",
        tuple(
            (f"{AS_NUMBER}{op}", f"{word} the number{'s' if op == 'in' else ''}")
            for op, word in OPS
        ),
    ),
)
SEVERITIES: Final[Choices] = (
    ("none", "None"),
    ("low", "Low"),
    ("medium", "Medium"),
    ("high", "High"),
    ("critical", "Critical"),
)
TRUTHS: Final[Choices] = (("yes", "yes"), ("no", "no"))
JOINS: Final[Choices] = (("all", "all of these hold"), ("any", "any of these holds"))
CLEAR_JOINS: Final[Choices] = (("", "the condition no longer holds"), *JOINS)
TIME_UNITS: Final[Choices] = tuple((unit, unit) for unit in UNITS)
SPAN_UNITS: Final[Choices] = ((SAMPLES, SAMPLES), *TIME_UNITS)
NO_DATA: Final[Choices] = (
    ("keep", "nothing changes"),
    ("ok", "an open alert ends"),
    ("alert", "an alert is raised"),
)
EVENTS: Final[Choices] = (
    ("fired", "it begins"),
    ("worsened", "it becomes worse"),
    ("repeated", "it still lasts"),
    ("escalated", "nobody answers"),
    ("resolved", "it is over"),
)
# Name, label, what it means; as ``monitoring.actions.rules.TIMES``.
TIMES: Final = (
    ("group_wait_seconds", "Wait before telling", "What comes together is told together."),
    ("group_interval_seconds", "Between two messages", "New alerts of the rule wait so long."),
    ("repeat_seconds", "Repeat every", "While it lasts and nobody answers."),
    ("escalate_seconds", "Escalate after", "Nobody has answered for so long; empty: never."),
)
USUAL_TIMES: Final = {
    "group_wait_seconds": 30,
    "group_interval_seconds": 300,
    "repeat_seconds": 14_400,
    "escalate_seconds": None,
}
CONDITION: Final[dict[str, Any]] = {
    "condition": {"metric": "severity", "op": "gte", "value": "medium"},
    "for": {"points": 3},
}
ACTIONS: Final[list[dict[str, Any]]] = [{"type": "webhook"}]
EXAMPLES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    (
        "Three bad samples in a row",
        {
            "condition": {"metric": "severity", "op": "gte", "value": "medium"},
            "for": {"points": 3},
        },
    ),
    (
        "A tenth of the last hundred samples is anomalous; over below two in a hundred",
        {
            "condition": {
                "metric": "window.anomaly_pct",
                "op": "gt",
                "value": 10,
                "window": {"points": 100},
            },
            "clear": {
                "metric": "window.anomaly_pct",
                "op": "lt",
                "value": 2,
                "window": {"points": 100},
            },
        },
    ),
    (
        "The machine drifts, though no sample stands out",
        {
            "condition": {
                "metric": "drift.p_value",
                "op": "lt",
                "value": 0.001,
                "window": {"points": 200},
            },
            "for": {"points": 20},
        },
    ),
    (
        "Nothing came for an hour",
        {
            "condition": {"metric": "severity", "op": "eq", "value": "critical"},
            "no_data": "alert",
            "no_data_after": {"seconds": 3600},
        },
    ),
)
_NAMES: Final = {name: word for _, rows in METRICS for name, word, _ in rows}
# What stands for the number of a row that the script adds.
NEW: Final = "__n__"
_FIELDS: Final = {
    "name": "Name",
    "dataset": "Dataset",
    "severity": "Least severity",
    "lasting": "Held for",
    "calm": "Stays so for",
    "columns": "One alert for each",
    "more_columns": "Other columns",
    "no_data": "When no data come",
    "no_data_after": "When no data come",
    "condition": "Raise an alert when",
    "clear": "The alert is over when",
    "telling": "Who is told",
    "actions": "Who is told",
    **{name: label for name, label, _ in TIMES},
}
_ROWS: Final = {
    "condition": "Comparison",
    "clear": "Comparison of when it is over",
    "mail": "Addresses",
    "webhook": "Webhooks",
}


# The fields as they follow each other on the page; of rows the first part of the name.
_ORDER: Final = (
    "name", "dataset", "severity", "condition", "lasting", "columns", "more_columns", "clear",
    "calm", "no_data_after", "no_data", "telling", "mail", "webhook", "actions", *USUAL_TIMES,
)  # fmt: skip


def place_of(name: str) -> tuple[int, int]:
    """Where a field stands on the page, for sorting."""
    kind, _, rest = name.partition("-")
    number = rest.partition("-")[0]
    return (
        _ORDER.index(kind) if kind in _ORDER else len(_ORDER),
        int(number) if number.isdecimal() else -1,
    )


def in_words(sentence: str) -> str:
    """A sentence of the grammar with what it begins with as the form calls it."""
    first, space, rest = sentence.partition(" ")
    return f"{_NAMES[first]}{space}{rest}" if first in _NAMES else sentence


def label_of(name: str) -> str:
    """What a field is called where its problem is told: ``Comparison 2``."""
    if name in _FIELDS:
        return _FIELDS[name]
    kind, _, rest = name.partition("-")
    number = rest.partition("-")[0]
    word = _ROWS.get(kind, name)
    if number.isdecimal():
        return f"{word} {int(number) + 1}"
    return f"{word} {number}" if number == NEW else word
