"""What a rule would have raised: a condition against the samples that there are. Writes nothing."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from monitoring.actions import alerting_samples
from monitoring.actions.alerting_ledger import Seen
from monitoring.models import Analysis, AnalysisStatus, AnalysisType
from monitoring.rules import (
    SEVERITIES,
    Change,
    Definition,
    GroupState,
    GroupValues,
    What,
    group_of,
    on_sample,
    on_tick,
    parse,
)
from monitoring.rules.samples import microseconds, moment
from monitoring.rules.waiting import next_change

MOST_FIRINGS: Final = 1000
# Time passes in the steps of the round of each minute, in microseconds.
_MINUTE: Final = 60_000_000


@dataclass(slots=True)
class Firing:
    """An alert that there would have been; ``resolved_at`` None: there still would be."""

    group: dict[str, str]
    kind: str
    severity: str
    fired_at: datetime
    resolved_at: datetime | None = None
    count: int = 1

    def as_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(slots=True)
class History:
    """``firings``: the first of them, in order; ``fired``: how many there would have been."""

    analyses: int = 0
    samples: int = 0
    fired: int = 0
    firings: list[Firing] | None = None


def dry_run(
    condition: object,
    dataset_id: UUID,
    *,
    severity: str = "low",
    since: datetime | None = None,
    until: datetime | None = None,
) -> History:
    """When a rule with this condition would have fired; NotADefinition if it is none.

    Over the placed samples of the dataset, as they came; those that are packed are not looked at.
    """
    definition = parse(condition)
    history = History(firings=[])
    replay = _Replay(definition, severity, history)
    for analysis in _analyses(dataset_id, since, until):
        history.analyses += 1
        seen = alerting_samples.of_analysis(analysis, ratios=definition.looks_at("ratio"))
        history.samples += len(seen)
        if seen:
            replay.wait_until(seen[0].sample.at)
            replay.show(seen)
    if until is not None:
        replay.wait_until(until)
    return history


def _analyses(
    dataset_id: UUID, since: datetime | None, until: datetime | None
) -> Iterator[Analysis]:
    rows = Analysis.objects.filter(
        dataset_id=dataset_id,
        analysis_type=AnalysisType.PLACE,
        status=AnalysisStatus.COMPLETED,
    )
    if since is not None:
        rows = rows.filter(completed_at__gte=since)
    if until is not None:
        rows = rows.filter(completed_at__lte=until)
    placed = alerting_samples.with_maps(rows.order_by("completed_at", "pk"))
    return placed.iterator(chunk_size=10)


class _Replay:
    """The rule as it would have run; alerts as they would have been."""

    def __init__(self, definition: Definition, severity: str, history: History) -> None:
        self.definition, self.severity, self.history = definition, severity, history
        self.states: dict[GroupValues, GroupState] = {}
        self.open: dict[tuple[str, GroupValues], Firing] = {}
        self.at: datetime | None = None

    def show(self, seen: list[Seen]) -> None:
        for one in seen:
            group = tuple(sorted(group_of(one.sample, self.definition.group_by)))
            state = self.states.setdefault(group, GroupState())
            for change in on_sample(self.definition, state, one.sample):
                self._apply(group, change, one)
        self.at = seen[-1].sample.at

    def wait_until(self, until: datetime) -> None:
        """Let the minutes pass, of which those are looked at in which something may happen."""
        if self.at is None:
            return
        began, end = microseconds(self.at), microseconds(until)
        groups = list(self.states)
        waiting = [(began + _MINUTE, number) for number in range(len(groups))]
        while waiting:
            at, number = heapq.heappop(waiting)
            if at > end:
                break
            group, state = groups[number], self.states[groups[number]]
            for change in on_tick(self.definition, state, moment(at)):
                self._apply(group, change, None)
            following = next_change(self.definition, state)
            if following is not None:
                minutes = max(-((began - following) // _MINUTE), (at - began) // _MINUTE + 1)
                heapq.heappush(waiting, (began + minutes * _MINUTE, number))
        self.at = max(self.at, until)

    def _apply(self, group: GroupValues, change: Change, seen: Seen | None) -> None:
        kind = "no_data" if change.what in {What.NO_DATA, What.DATA_AGAIN} else "condition"
        match change.what:
            case What.FIRED | What.NO_DATA:
                firing = Firing(
                    dict(group),
                    kind,
                    self._severity(seen),
                    moment(change.at),
                    count=max(change.points, 1),
                )
                self.open[kind, group] = firing
                self.history.fired += 1
                if self.history.firings is not None and self.history.fired <= MOST_FIRINGS:
                    self.history.firings.append(firing)
            case What.SEEN if (kind, group) in self.open:
                firing = self.open[kind, group]
                firing.count += change.points
                firing.severity = max(firing.severity, self._severity(seen), key=SEVERITIES.index)
            case What.RESOLVED | What.DATA_AGAIN if (kind, group) in self.open:
                self.open.pop((kind, group)).resolved_at = moment(change.at)

    def _severity(self, seen: Seen | None) -> str:
        found = seen.sample.severity if seen is not None else None
        return max(self.severity, SEVERITIES[found or 0], key=SEVERITIES.index)
