"""One step of a rule: what a sample, or the passing of time, changes in a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitoring.rules import comparing
from monitoring.rules.comparing import Verdict
from monitoring.rules.grammar import SILENCE, Definition, NoData, Span
from monitoring.rules.samples import Sample, microseconds
from monitoring.rules.state import GroupState, Phase
from monitoring.rules.windows import Entry


class What(StrEnum):
    """What changed in a group."""

    PENDING = "pending"  # the condition began to hold
    CALMED = "calmed"  # it stopped before it was told
    FIRED = "fired"
    SEEN = "seen"  # the condition held once more
    RECOVERING = "recovering"  # it is over, if it stays so
    ACTIVE_AGAIN = "active_again"  # it did not stay so
    RESOLVED = "resolved"
    NO_DATA = "no_data"  # nothing has come for too long, and that is to be told
    DATA_AGAIN = "data_again"


@dataclass(frozen=True, slots=True)
class Change:
    """``at`` in microseconds since 1970; ``points``: the samples that ``fired`` speaks for."""

    what: What
    at: int
    points: int = 0


def on_sample(rule: Definition, state: GroupState, sample: Sample) -> list[Change]:
    """Take a sample in; what changed, in order. A sample that comes late counts as of now.

    A verdict that cannot be told - a value is missing, or NaN - changes nothing: it neither raises
    an alert nor ends one.
    """
    state.fit(rule)
    at = max(microseconds(sample.at), state.at or 0)
    changes = []
    if state.silent:
        state.silent = False
        if rule.no_data == NoData.ALERT:
            changes.append(Change(What.DATA_AGAIN, at))
    state.at = state.last_seen = at
    if sample.calibration is not None:
        state.calibration = sample.calibration
    entry = Entry.of(sample, at)
    for window in state.windows.values():
        if entry is not None:
            window.add(entry)
        window.move(at)
    for index, leaf in enumerate(rule.leaves):
        if leaf.is_of_the_sample:
            state.told[index] = comparing.on_sample(leaf, sample)
    return [*changes, *_advance(rule, state, at, points=1)]


def on_tick(rule: Definition, state: GroupState, moment: datetime) -> list[Change]:
    """Let time pass: windows empty, spans of seconds end, and a silence is noticed.

    What the last sample showed stands until the next one, or until the silence is too long.
    """
    state.fit(rule)
    at = state.at = max(microseconds(moment), state.at or 0)
    if state.last_seen is None:
        state.last_seen = at  # known from now on: a silence is counted from here
    for window in state.windows.values():
        window.move(at)
    if rule.tells_silence or at - state.last_seen < rule.patience:
        return _advance(rule, state, at, points=0)
    if state.silent:
        return []
    state.silent = True
    match rule.no_data:
        case NoData.ALERT:
            return [Change(What.NO_DATA, at)]
        case NoData.OK:
            return _end(state, at)
        case NoData.KEEP:
            return []


def _end(state: GroupState, at: int) -> list[Change]:
    """Over at once, whatever the group waited for."""
    phase, state.phase = state.phase, Phase.INACTIVE
    state.told = [Verdict.UNKNOWN] * len(state.told)
    match phase:
        case Phase.INACTIVE:
            return []
        case Phase.PENDING:
            return [Change(What.CALMED, at)]
        case _:
            return [Change(What.RESOLVED, at)]


def _verdicts(rule: Definition, state: GroupState, at: int) -> Iterator[Verdict]:
    for leaf, told in zip(rule.leaves, state.told, strict=True):
        if leaf.window is not None:
            figure = state.windows[leaf.window].value(leaf.metric, state.calibration)
            yield comparing.on_number(leaf, figure)
        elif leaf.metric == SILENCE:
            silence = None if state.last_seen is None else (at - state.last_seen) / 1_000_000
            yield comparing.on_number(leaf, silence)
        else:
            yield told


def _advance(rule: Definition, state: GroupState, at: int, *, points: int) -> list[Change]:
    """One step of the phases; ``points``: 1 with a sample, 0 with time alone."""
    verdicts = _verdicts(rule, state, at)
    holds = comparing.combine(rule.condition, verdicts)
    over = Verdict(-holds)
    if rule.clear is not None:
        over = comparing.combine(rule.clear, verdicts)
    step = _Step(rule, state, at, points)
    match state.phase:
        case Phase.INACTIVE:
            return step.begin() if holds == Verdict.YES else []
        case Phase.PENDING:
            return step.pend(holds)
        case Phase.ACTIVE:
            return step.stay(holds, over)
        case Phase.RECOVERING:
            return step.recover(holds, over)


@dataclass(frozen=True, slots=True)
class _Step:
    rule: Definition
    state: GroupState
    at: int
    points: int

    def begin(self) -> list[Change]:
        self._count_from_here()
        if self._has_lasted():
            return self._fire()
        return self._turn(Phase.PENDING, What.PENDING)

    def pend(self, holds: Verdict) -> list[Change]:
        if holds == Verdict.NO:
            return self._turn(Phase.INACTIVE, What.CALMED)
        if holds == Verdict.YES:
            self.state.points += self.points
            if self._has_lasted():
                return self._fire()
        return []

    def stay(self, holds: Verdict, over: Verdict) -> list[Change]:
        if holds == Verdict.YES:
            return self._seen()
        if over != Verdict.YES:
            return []
        self._count_from_here()
        return self._calm() or self._turn(Phase.RECOVERING, What.RECOVERING)

    def recover(self, holds: Verdict, over: Verdict) -> list[Change]:
        if holds == Verdict.YES:
            return [*self._turn(Phase.ACTIVE, What.ACTIVE_AGAIN), *self._seen()]
        if over == Verdict.NO:
            return self._turn(Phase.ACTIVE, What.ACTIVE_AGAIN)
        if over == Verdict.YES:
            self.state.points += self.points
            return self._calm()
        return []

    def _count_from_here(self) -> None:
        self.state.since, self.state.points = self.at, self.points

    def _has_lasted(self) -> bool:
        return self._is_over(self.rule.lasting)

    def _is_over(self, span: Span) -> bool:
        """One point is none to wait for, whether a sample or time alone has brought us here."""
        if span.points == 1:
            return True
        return span.is_over(since=self.state.since, points=self.state.points, now=self.at)

    def _fire(self) -> list[Change]:
        self.state.phase = Phase.ACTIVE
        return [Change(What.FIRED, self.at, max(self.state.points, 1))]

    def _seen(self) -> list[Change]:
        return [Change(What.SEEN, self.at, 1)] if self.points else []

    def _calm(self) -> list[Change]:
        """Resolved, if it has been over for long enough."""
        if self._is_over(self.rule.calm):
            return self._turn(Phase.INACTIVE, What.RESOLVED)
        return []

    def _turn(self, phase: Phase, what: What) -> list[Change]:
        self.state.phase = phase
        return [Change(what, self.at)]
