"""The plain reading of a rule: everything looked up anew, in the whole history, at each event."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitoring.rules import (
    SEVERITIES,
    All,
    AnyOf,
    Change,
    Definition,
    Leaf,
    NoData,
    Not,
    Sample,
    Span,
    Tree,
    What,
    microseconds,
)

Event = Sample | datetime
Truth = bool | None


def moment_of(event: Event) -> int:
    return microseconds(event.at if isinstance(event, Sample) else event)


@dataclass
class History:
    """The events of one group so far."""

    rule: Definition
    events: list[tuple[int, Event]] = field(default_factory=list)
    forgotten: int = 0  # samples before this position do not stand any more

    @property
    def now(self) -> int:
        return self.events[-1][0]

    def samples(self) -> list[tuple[int, Sample]]:
        return [(at, event) for at, event in self.events if isinstance(event, Sample)]

    def last_seen(self) -> int:
        seen = [at for at, _ in self.samples()]
        return seen[-1] if seen else self.events[0][0]

    def standing(self) -> Sample | None:
        later = [event for _, event in self.events[self.forgotten :]]
        return next((event for event in reversed(later) if isinstance(event, Sample)), None)

    def truth(self, tree: Tree) -> Truth:
        match tree:
            case Leaf():
                return self.of_leaf(tree)
            case Not(part):
                inner = self.truth(part)
                return None if inner is None else not inner
            case All(parts):
                told = [self.truth(part) for part in parts]
                return False if False in told else None if None in told else True
            case AnyOf(parts):
                told = [self.truth(part) for part in parts]
                return True if True in told else None if None in told else False

    def of_leaf(self, leaf: Leaf) -> Truth:
        if leaf.window is not None:
            return compared(leaf, self.figure(leaf))
        if leaf.metric == "no_data_seconds":
            return compared(leaf, (self.now - self.last_seen()) / 1e6)
        sample = self.standing()
        if sample is None:
            return None
        if leaf.metric.startswith("meta."):
            return compared(leaf, sample.meta.get(leaf.metric[5:]))
        if leaf.metric == "severity":
            return None if sample.severity is None else by_rank(leaf, sample.severity)
        return compared(leaf, getattr(sample, leaf.metric))

    def figure(self, leaf: Leaf) -> float | None:
        assert leaf.window is not None
        judged = [(at, one) for at, one in self.samples() if one.severity is not None]
        if leaf.window.points is not None:
            within = [one for _, one in judged[-leaf.window.points :]]
        else:
            assert leaf.window.seconds is not None
            reach = self.now - round(leaf.window.seconds * 1e6)
            within = [one for at, one in judged if at > reach]
        count = sum(bool(one.severity) for one in within)
        if leaf.metric == "window.count":
            return count
        if not within or len(within) < (leaf.window.points or 0):
            return None
        if leaf.metric == "window.anomaly_pct":
            return count * 100 / len(within)
        return self.drift(
            [one.p_value for one in within if one.p_value is not None and one.p_value >= 0]
        )

    def drift(self, values: Sequence[float]) -> float | None:
        behind = [one.calibration for _, one in self.samples() if one.calibration is not None]
        m = len(values)
        if m < 8 or not behind:
            return None
        n = behind[-1]
        beaten = math.fsum(round(value * 1e9) for value in values) / 1e9 * (n + 1) - m
        z = (beaten - m * n / 2 + 0.5) / math.sqrt(m * n * (m + n + 1) / 12)
        return 0.5 * math.erfc(-z / math.sqrt(2))


def by_rank(leaf: Leaf, severity: int) -> bool:
    return ordered(leaf, severity, SEVERITIES.index)


def compared(leaf: Leaf, found: object) -> Truth:
    if found is None or found != found:  # noqa: PLR0124 - NaN
        return None
    if isinstance(found, str):
        return found in leaf.value if isinstance(leaf.value, tuple) else ordered(leaf, found, str)
    return ordered(leaf, found, lambda value: value)


def ordered(leaf: Leaf, found: Any, read: Callable[[Any], Any]) -> bool:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    wanted = [read(value) for value in values]
    if leaf.op == "in":
        return found in wanted
    apart = (found > wanted[0]) - (found < wanted[0])
    held = {"gt": {1}, "gte": {0, 1}, "lt": {-1}, "lte": {-1, 0}, "eq": {0}, "ne": {-1, 1}}
    return apart in held[leaf.op]


def play(rule: Definition, events: Sequence[Event]) -> list[list[Change]]:
    """What changes at each event."""
    player = _Player(rule)
    return [player.on(event) for event in events]


Streak = list[tuple[int, bool]]


class _Player:
    def __init__(self, rule: Definition) -> None:
        self.rule, self.history = rule, History(rule)
        self.phase, self.streak, self.silent = "inactive", Streak(), False
        self.told: list[Change] = []

    def say(self, what: What, points: int = 0) -> None:
        self.told.append(Change(what, self.history.now, points))

    def on(self, event: Event) -> list[Change]:
        self.told = []
        before = [at for at, _ in self.history.events[-1:]]
        self.history.events.append((max([moment_of(event), *before]), event))
        if isinstance(event, Sample):
            if self.silent and self.rule.no_data == NoData.ALERT:
                self.say(What.DATA_AGAIN)
            self.silent = False
        elif self.is_silent():
            self.hush()
            return self.told
        self.advance(is_sample=isinstance(event, Sample))
        return self.told

    def is_silent(self) -> bool:
        silence = (self.history.now - self.history.last_seen()) / 1e6
        return silence >= self.rule.no_data_after and not self.rule.tells_silence

    def hush(self) -> None:
        if not self.silent and self.rule.no_data == NoData.ALERT:
            self.say(What.NO_DATA)
        if not self.silent and self.rule.no_data == NoData.OK:
            if self.phase != "inactive":
                self.say(What.CALMED if self.phase == "pending" else What.RESOLVED)
            self.phase, self.history.forgotten = "inactive", len(self.history.events)
        self.silent = True

    def advance(self, *, is_sample: bool) -> None:
        holds = self.history.truth(self.rule.condition)
        over = None if holds is None else not holds
        if self.rule.clear is not None:
            over = self.history.truth(self.rule.clear)
        here = [(self.history.now, is_sample)]
        if self.phase in {"inactive", "pending"}:
            self.rise(holds, here)
        elif holds or (self.phase == "recovering" and over is False):
            if self.phase == "recovering":
                self.say(What.ACTIVE_AGAIN)
            if holds and is_sample:
                self.say(What.SEEN, 1)
            self.phase = "active"
        elif over:
            self.fall(here)

    def rise(self, holds: Truth, here: Streak) -> None:
        if self.phase == "pending" and holds is False:
            self.phase = "inactive"
            self.say(What.CALMED)
        if not holds:
            return
        self.streak = [*self.streak, *here] if self.phase == "pending" else here
        if self.lasted(self.rule.lasting):
            self.phase = "active"
            self.say(What.FIRED, max(1, sum(one for _, one in self.streak)))
        elif self.phase == "inactive":
            self.phase = "pending"
            self.say(What.PENDING)

    def fall(self, here: Streak) -> None:
        self.streak = [*self.streak, *here] if self.phase == "recovering" else here
        if self.lasted(self.rule.calm):
            self.phase = "inactive"
            self.say(What.RESOLVED)
        elif self.phase == "active":
            self.phase = "recovering"
            self.say(What.RECOVERING)

    def lasted(self, span: Span) -> bool:
        if span.seconds is not None:
            return (self.history.now - self.streak[0][0]) / 1e6 >= span.seconds
        return span.points == 1 or sum(one for _, one in self.streak) >= (span.points or 0)
