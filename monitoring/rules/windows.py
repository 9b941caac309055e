"""The last samples of a group, counted as they come and go."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from monitoring.rules.grammar import LEAST_DRIFT, MOST_POINTS, Span
from monitoring.rules.samples import Sample

# p-values are kept as whole numbers of this part: sums that come and go stay exact.
_PARTS: Final = 10**9


@dataclass(frozen=True, slots=True)
class Entry:
    """A sample in a window: ``share`` is its p-value in billionths, -1 if it is not known."""

    at: int
    is_anomaly: bool
    share: int

    @classmethod
    def of(cls, sample: Sample, at: int) -> Entry | None:
        """None if the sample was not judged: it is as if it had not come."""
        if sample.severity is None:
            return None
        value = sample.p_value
        is_known = value is not None and math.isfinite(value)
        return cls(at, sample.severity > 0, round((value or 0) * _PARTS) if is_known else -1)


@dataclass(slots=True)
class Window:
    """The entries that a span reaches, and their sums."""

    span: Span
    entries: deque[Entry] = field(default_factory=deque)
    anomalies: int = 0
    known: int = 0
    shares: int = 0

    def add(self, entry: Entry) -> None:
        """One more; the oldest make room."""
        self.entries.append(entry)
        self._count(entry, 1)
        most = self.span.points or MOST_POINTS
        while len(self.entries) > most:
            self._drop()

    def move(self, now: int) -> None:
        """What lies further back than the span's seconds leaves."""
        reach = self.span.microseconds
        if reach is not None:
            while self.entries and self.entries[0].at <= now - reach:
                self._drop()

    def _drop(self) -> None:
        self._count(self.entries.popleft(), -1)

    def _count(self, entry: Entry, sign: int) -> None:
        self.anomalies += sign * entry.is_anomaly
        if entry.share >= 0:
            self.known += sign
            self.shares += sign * entry.share

    def value(self, metric: str, calibration: int | None) -> float | None:
        """The figure of this window; None where there is none yet."""
        return figure(
            metric,
            self.span,
            size=len(self.entries),
            anomalies=self.anomalies,
            known=self.known,
            shares=self.shares,
            calibration=calibration,
        )

    def as_json(self) -> list[int]:
        """Flat: moment, anomaly, share, and so on."""
        return [part for one in self.entries for part in (one.at, int(one.is_anomaly), one.share)]

    @classmethod
    def from_json(cls, span: Span, flat: Any) -> Window:
        """What ``as_json`` gave; whatever is not a list of such is an empty window."""
        made = cls(span)
        if isinstance(flat, list) and len(flat) % 3 == 0:
            for at, is_anomaly, share in zip(flat[::3], flat[1::3], flat[2::3], strict=True):
                made.add(Entry(at, bool(is_anomaly), share))
        return made


def figure(
    metric: str,
    span: Span,
    *,
    size: int,
    anomalies: int,
    known: int,
    shares: int,
    calibration: int | None,
) -> float | None:
    """``window.count``, ``window.anomaly_pct`` or ``drift.p_value`` from a window's sums.

    The count is that of anomalies. A share of samples, and a test on them, wait until a window of
    so many samples is full.
    """
    if metric == "window.count":
        return anomalies
    if size == 0 or (span.points is not None and size < span.points):
        return None
    if metric == "window.anomaly_pct":
        return 100 * anomalies / size
    return drift(known, shares / _PARTS, calibration)


def drift(known: int, total: float, calibration: int | None) -> float | None:
    """p-value of one test that so many p-values with this sum are those of healthy samples.

    H. Mann and D. Whitney (1947), one-sided, normal approximation. ``calibration`` healthy rows
    stand behind all of the p-values, which is why these are not independent. Ties count against an
    alarm, so the test is never more eager than ``monitoring.scoring.drift``. None for fewer than 8.
    """
    if known < LEAST_DRIFT or not calibration:
        return None
    beaten = total * (calibration + 1) - known
    spread = math.sqrt(known * calibration * (known + calibration + 1) / 12)
    z = (beaten - known * calibration / 2 + 0.5) / spread
    return 0.5 * math.erfc(-z / math.sqrt(2))
