"""What is remembered of a group between samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from monitoring.rules.comparing import Verdict
from monitoring.rules.grammar import Definition, Span
from monitoring.rules.windows import Window


class Phase(StrEnum):
    """Where a group stands."""

    INACTIVE = "inactive"
    PENDING = "pending"  # the condition holds, but not for long enough
    ACTIVE = "active"
    RECOVERING = "recovering"  # it is over, but not for long enough


@dataclass(slots=True)
class GroupState:
    """The state of one group; ``as_json`` and ``from_json`` carry it from batch to batch.

    Moments are whole microseconds since 1970. ``since`` and ``points``: when what the group waits
    for in its phase began, and for how many samples it has held. ``told``: the verdicts of the
    leaves at the last sample. ``silent``: a silence has been noticed.
    """

    phase: Phase = Phase.INACTIVE
    since: int = 0
    points: int = 0
    at: int | None = None
    last_seen: int | None = None
    silent: bool = False
    calibration: int | None = None
    told: list[Verdict] = field(default_factory=list)
    windows: dict[Span, Window] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "phase": self.phase.value,
            "since": self.since,
            "points": self.points,
            "at": self.at,
            "last_seen": self.last_seen,
            "silent": self.silent,
            "calibration": self.calibration,
            "told": [int(one) for one in self.told],
            "windows": [
                {"points": span.points, "seconds": span.seconds, "entries": window.as_json()}
                for span, window in self.windows.items()
            ],
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> GroupState:
        """What ``as_json`` gave."""
        spans = {
            Span(one.get("points"), one.get("seconds")): one.get("entries")
            for one in said.get("windows", ())
        }
        return cls(
            phase=Phase(said.get("phase", Phase.INACTIVE)),
            since=said.get("since", 0),
            points=said.get("points", 0),
            at=said.get("at"),
            last_seen=said.get("last_seen"),
            silent=said.get("silent", False),
            calibration=said.get("calibration"),
            told=[Verdict(one) for one in said.get("told", ())],
            windows={span: Window.from_json(span, flat) for span, flat in spans.items()},
        )

    def fit(self, rule: Definition) -> None:
        """Make room for the rule's windows and leaves; what another version left behind goes.

        Windows that both versions have keep their samples.
        """
        if tuple(self.windows) != rule.windows:
            self.windows = {span: self.windows.get(span) or Window(span) for span in rule.windows}
        if len(self.told) != len(rule.leaves):
            self.told = [Verdict.UNKNOWN] * len(rule.leaves)
