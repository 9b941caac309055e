"""A rule as an immutable tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal

MOST_DEPTH: Final = 5
MOST_LEAVES: Final = 50
# A window reaches no further back than this many samples, whatever its seconds.
MOST_POINTS: Final = 10_000
MOST_SECONDS: Final = 31 * 24 * 3600
MOST_GROUP_KEYS: Final = 5
# One test on fewer p-values than this says nothing.
LEAST_DRIFT: Final = 8

Op = Literal["gt", "gte", "lt", "lte", "eq", "ne", "in"]
Scalar = str | float | bool
Value = Scalar | tuple[Scalar, ...]

SAMPLE_METRICS: Final = ("severity", "distance", "p_value", "ratio", "off_map")
WINDOW_METRICS: Final = ("window.anomaly_pct", "window.count", "drift.p_value")
SILENCE: Final = "no_data_seconds"
META: Final = "meta."


class NoData(StrEnum):
    """What a silence means: all is well, an alert, or nothing."""

    OK = "ok"
    ALERT = "alert"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Span:
    """So many samples, or so many seconds: one of the two."""

    points: int | None = None
    seconds: float | None = None

    @property
    def microseconds(self) -> int | None:
        """The seconds as whole microseconds."""
        return None if self.seconds is None else round(self.seconds * 1_000_000)

    def is_over(self, *, since: int, points: int, now: int) -> bool:
        """Whether what began at ``since`` (microseconds) and held for ``points`` samples did so."""
        if self.points is not None:
            return points >= self.points
        return now - since >= (self.microseconds or 0)


AT_ONCE: Final = Span(points=1)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison; ``window`` for the metrics of a window alone."""

    metric: str
    op: Op
    value: Value
    window: Span | None = None

    @property
    def is_of_the_sample(self) -> bool:
        """Whether its verdict changes with samples alone, never with time."""
        return self.metric in SAMPLE_METRICS or self.metric.startswith(META)


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Tree


Tree = All | AnyOf | Not | Leaf


def leaves(tree: Tree) -> Iterator[Leaf]:
    """Every leaf, from left to right."""
    match tree:
        case Leaf():
            yield tree
        case Not(part):
            yield from leaves(part)
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)


@dataclass(frozen=True)
class Definition:
    """What a rule says.

    ``condition``  holds: there is something to tell
    ``clear``      holds: it is over; None: as soon as the condition does not hold
    ``lasting``    ``for``: so long the condition must hold before it is told
    ``calm``       ``keep_firing_for``: so long it must be over before that is believed
    ``group_by``   keys of the samples' metadata: each combination is a group with its own alerts
    ``no_data``, ``no_data_after``  what a silence of so many seconds means
    """

    condition: Tree
    clear: Tree | None = None
    lasting: Span = AT_ONCE
    calm: Span = AT_ONCE
    group_by: tuple[str, ...] = ()
    no_data: NoData = NoData.KEEP
    no_data_after: float = 900.0

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """Those of the condition, then those of ``clear``."""
        found = tuple(leaves(self.condition))
        return found if self.clear is None else found + tuple(leaves(self.clear))

    @cached_property
    def windows(self) -> tuple[Span, ...]:
        """The windows that are kept, each once."""
        return tuple(dict.fromkeys(one.window for one in self.leaves if one.window is not None))

    @cached_property
    def tells_silence(self) -> bool:
        """Whether a leaf looks at the silence itself."""
        return self.looks_at(SILENCE)

    def looks_at(self, metric: str) -> bool:
        """Whether a leaf compares this metric."""
        return any(one.metric == metric for one in self.leaves)

    @cached_property
    def patience(self) -> int:
        """``no_data_after`` in microseconds."""
        return round(self.no_data_after * 1_000_000)
