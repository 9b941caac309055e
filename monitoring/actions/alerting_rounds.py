"""The round of each minute: catch up, let time pass, tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from database.actor import acting_as_system
from monitoring.actions import alerting, notifying
from monitoring.actions.alerting import CATCH_UP, Outcome
from monitoring.actions.notifying import Round

Steps = Callable[[Iterable[UUID]], Iterable[UUID]]


@dataclass(slots=True)
class Minute:
    """What a round has done."""

    evaluated: Outcome = field(default_factory=Outcome)
    told: Round = field(default_factory=Round)

    def as_dict(self) -> dict[str, Any]:
        """As the command prints it."""
        return {
            "analyses": self.evaluated.batches,
            "samples": self.evaluated.samples,
            "opened": self.evaluated.opened,
            "resolved": self.evaluated.resolved,
            "busy": self.evaluated.busy,
            "letters": self.told.letters,
            "messages": self.told.messages,
            "muted": self.told.muted,
            "refused": self.evaluated.refused | self.told.refused,
        }

    def sentence(self) -> str:
        """In a line."""
        told = self.as_dict()
        return (
            f"{told['opened']} alerts opened, {told['resolved']} resolved,"
            f" {told['letters']} letters and {told['messages']} messages queued"
        )


def run(
    now: datetime | None = None,
    *,
    since: timedelta = CATCH_UP,
    steps: Steps = lambda keys: keys,
) -> Minute:
    """One round, each rule in a transaction of its own; where another is at work it is left out."""
    minute = Minute()
    with acting_as_system():
        for analysis in steps(alerting.catch_up(since=since)):
            minute.evaluated.add(alerting.evaluate_analysis(analysis, waits=False))
        for rule in steps(alerting.timed_rules()):
            minute.evaluated.add(alerting.pass_time(rule, now or timezone.now()))
    minute.told = notifying.tell(now)
    return minute


def preview(*, since: timedelta = CATCH_UP) -> dict[str, Any]:
    """What a round would look at, without doing it."""
    with acting_as_system():
        return {
            "analyses": len(alerting.catch_up(since=since)),
            "rules": len(alerting.timed_rules()),
            "due": len(notifying.due()),
        }
