"""Operators' commands in the log: what ran, with what outcome, and what failed."""

from __future__ import annotations

import json
from typing import Any, Final

from django.db import transaction

from audit import context
from audit.proofs.canonical import LARGEST_NUMBER
from audit.recording import Outcome, record
from config import commands

# Of a long list, such as files that were refused, so many items are kept.
_MOST_ITEMS: Final = 100
_LONGEST_TEXT: Final = 2000


def observe() -> None:
    """Have each run of a command recorded, and entries inside name the command."""
    if entered not in commands.observers:
        commands.observers.append(entered)
        commands.surroundings.append(context.command)


def entered(name: str, outcome: str, details: dict[str, Any]) -> None:
    """Write the entry of a run: ``command.ran``, or ``command.failed``, which is always kept."""
    told = dict(details)
    seconds = told.pop("seconds", None)
    milliseconds = None if seconds is None else round(seconds * 1000)
    error = str(told.pop("error", ""))
    kept: Outcome = "success"
    if outcome == "failure":
        kept = "failure"
    elif outcome == "partial":
        kept = "partial"
    with context.command(name):
        if kept == "failure":
            record("command.failed", subject=("command", name), outcome=kept, error=error or name)
            return
        with transaction.atomic():
            record(
                "command.ran",
                subject=("command", name),
                outcome=kept,
                details=_plain(told),
                duration_ms=milliseconds,
            )


def _plain(details: dict[str, Any]) -> dict[str, Any]:
    """The outcome as the log can hold it: fractions as text, long lists by their beginning."""
    read: dict[str, Any] = json.loads(
        json.dumps(details, default=str), parse_float=str, parse_int=_whole
    )
    shortened = _shortened(read)
    assert isinstance(shortened, dict), "it was one before"
    return shortened


def _whole(text: str) -> int | str:
    return int(text) if len(text) < 20 and abs(int(text)) <= LARGEST_NUMBER else text


def _shortened(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        shown = [_shortened(item) for item in value[:_MOST_ITEMS]]
        left_out = len(value) - len(shown)
        return [*shown, f"and {left_out} more"] if left_out else shown
    return value[:_LONGEST_TEXT] if isinstance(value, str) else value
