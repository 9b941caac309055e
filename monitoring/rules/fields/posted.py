"""The fields of a form as a browser sends them: names with their values.

``condition-0-metric``, ``clear-join``, ``lasting`` with ``lasting-unit``, ``columns`` for each that
is chosen, ``mail-0-to``, ``webhook``. What is missing is as in an empty form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from monitoring.rules.fields.amounts import SAMPLES, SECONDS, Amount
from monitoring.rules.fields.shape import Comparisons, Fields, Mail, Row, Telling
from monitoring.rules.grammar import MOST_LEAVES
from monitoring.rules.telling import MOST_ACTIONS

Sent = Mapping[str, Sequence[str]]

_ROW: Final = re.compile(r"([a-z]+)-(\d{1,6})-[a-z_-]+\Z", re.ASCII)
_LONGEST: Final = 30_000
# One more than a rule takes, so that the parser says that there are too many.
_MOST_ROWS: Final = MOST_LEAVES + 1
_MOST_MAILS: Final = MOST_ACTIONS + 1
_MOST_COLUMNS: Final = 50


def posted_condition(sent: Sent) -> Fields:
    """The condition as it was sent; rows are numbered anew, in order."""
    return Fields(
        condition=_comparisons(sent, "condition", "all"),
        clear=_comparisons(sent, "clear", ""),
        lasting=posted_amount(sent, "lasting", SAMPLES),
        calm=posted_amount(sent, "calm", SAMPLES),
        columns=list(dict.fromkeys(sent.get("columns", ())))[:_MOST_COLUMNS],
        more_columns=_one(sent, "more_columns"),
        no_data=_one(sent, "no_data", Fields().no_data),
        no_data_after=posted_amount(sent, "no_data_after", SECONDS),
    )


def posted_telling(sent: Sent) -> Telling:
    """Who is told, as it was sent."""
    mails = [
        Mail(
            _one(sent, f"mail-{number}-to"),
            _one(sent, f"mail-{number}-severity", "low"),
            tuple(sent.get(f"mail-{number}-events", ())),
        )
        for number in _numbers(sent, "mail", _MOST_MAILS)
    ]
    return Telling(
        mails,
        tells_webhooks="webhook" in sent,
        webhook_severity=_one(sent, "webhook-severity", "low"),
        webhook_events=tuple(sent.get("webhook-events", ())),
    )


def posted_amount(sent: Sent, name: str, unit: str) -> Amount:
    """A number and its unit; ``unit`` where none was sent."""
    return Amount(_one(sent, name).strip(), _one(sent, f"{name}-unit", unit))


def _comparisons(sent: Sent, name: str, join: str) -> Comparisons:
    numbers = _numbers(sent, name, _MOST_ROWS)
    rows = [_row(sent, f"{name}-{number}") for number in numbers]
    return Comparisons(_one(sent, f"{name}-join", join), rows)


def _row(sent: Sent, name: str) -> Row:
    usual = Row()
    return Row(
        metric=_one(sent, f"{name}-metric"),
        op=_one(sent, f"{name}-op", usual.op),
        column=_one(sent, f"{name}-column"),
        column_op=_one(sent, f"{name}-column_op", usual.column_op),
        value=_one(sent, f"{name}-value"),
        severity=_one(sent, f"{name}-severity", usual.severity),
        severities=tuple(sent.get(f"{name}-severities", ())),
        truth=_one(sent, f"{name}-truth", usual.truth),
        window=posted_amount(sent, f"{name}-window", SAMPLES),
    )


def _numbers(sent: Sent, name: str, most: int) -> list[int]:
    matches = (_ROW.match(key) for key in sent)
    found = {int(match[2]) for match in matches if match and match[1] == name}
    return sorted(found)[:most]


def _one(sent: Sent, name: str, usual: str = "") -> str:
    values = sent.get(name)
    return values[-1][:_LONGEST] if values else usual
