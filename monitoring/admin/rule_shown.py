"""The page of a rule as its template takes it: rows with their problems, and what can be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from monitoring.actions import requesting
from monitoring.actions.rules_history import History
from monitoring.admin import columns, rule_words, shown
from monitoring.admin.posting import as_id
from monitoring.admin.rule_said import DAYS, FORM, Said
from monitoring.models import Dataset
from monitoring.rules.fields import Mail, Row

_MOST_FIRINGS: Final = 200
_MOST_COLUMNS: Final = 40


def context(said: Said, *, focus: str = "") -> dict[str, Any]:
    """Everything that the form needs; ``focus``: the kind of row that was added last."""
    known = _columns(as_id(said.dataset))
    chosen = said.fields.columns
    return {
        "said": said,
        "is_form": said.way == FORM,
        "lines": {
            "condition": _lines("condition", said.fields.condition.rows or [Row()], said, focus),
            "clear": _lines("clear", said.fields.clear.rows or [Row()], said, focus),
            "mail": _lines("mail", said.telling.mails or [Mail()], said, focus),
        },
        "webhook": _line("webhook", None, said.problems),
        "new_lines": {
            "condition": _line(f"condition-{rule_words.NEW}", Row(), {}),
            "clear": _line(f"clear-{rule_words.NEW}", Row(), {}),
            "mail": _line(f"mail-{rule_words.NEW}", Mail(), {}),
        },
        "known_columns": known,
        "columns": [(name, True) for name in chosen]
        + [(name, False) for name in known if name not in chosen],
        "problems": [
            (name, rule_words.label_of(name), sentence)
            for name, sentences in sorted(
                said.problems.items(), key=lambda one: rule_words.place_of(one[0])
            )
            for sentence in sentences
        ],
        "times": [
            (name, label, about, said.times.get(name), said.problems.get(name, []))
            for name, label, about in rule_words.TIMES
        ],
        "words": _WORDS,
        "days": DAYS,
    }


_WORDS: Final = {
    "metrics": rule_words.METRIC_CHOICES,
    "metrics_explained": rule_words.METRICS,
    "ops": rule_words.OPS,
    "column_ops": rule_words.COLUMN_OPS,
    "severities": rule_words.SEVERITIES,
    "alert_severities": rule_words.SEVERITIES[1:],
    "truths": rule_words.TRUTHS,
    "joins": rule_words.JOINS,
    "clear_joins": rule_words.CLEAR_JOINS,
    "span_units": rule_words.SPAN_UNITS,
    "time_units": rule_words.TIME_UNITS,
    "no_data": rule_words.NO_DATA,
    "events": rule_words.EVENTS,
}


def _lines(kind: str, rows: Sequence[Any], said: Said, focus: str) -> list[dict[str, Any]]:
    lines = [_line(f"{kind}-{place}", row, said.problems) for place, row in enumerate(rows)]
    if focus == kind:
        lines[-1]["has_focus"] = True
    return lines


def _line(name: str, row: Any, problems: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A row: its name, what it is called, and what is wrong by the last part of the field."""
    wrong = {
        field.removeprefix(name).removeprefix("-") or "row": sentences
        for field, sentences in problems.items()
        if field == name or field.startswith(f"{name}-")
    }
    return {
        "name": name,
        "label": rule_words.label_of(name),
        "row": row,
        "wrong": wrong,
        "sentences": [one for sentences in wrong.values() for one in sentences],
    }


def _columns(dataset_id: UUID | None) -> list[str]:
    """The columns beside the features in the files of a dataset, as its map has them."""
    dataset = Dataset.objects.filter(pk=dataset_id).first() if dataset_id else None
    current = requesting.current_map(dataset) if dataset else None
    if current is None:
        return []
    with transaction.atomic():
        names: list[str] = columns.names(current)
    return names[:_MOST_COLUMNS]


def firings(history: History | None) -> list[dict[str, Any]]:
    """The alerts that there would have been, as rows of a table."""
    found = (history.firings or []) if history else []
    return [
        {
            "group": shown.group_words(one.group),
            "severity": shown.severity_badge(one.severity),
            "why": "nothing came" if one.kind == "no_data" else "the condition held",
            "from": one.fired_at,
            "until": one.resolved_at,
            "count": f"{one.count:,}",
        }
        for one in found[:_MOST_FIRINGS]
    ]
