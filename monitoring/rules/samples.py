"""What a rule looks at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from monitoring.rules.grammar import META

# In the order of monitoring.scoring.Severity.
SEVERITIES: Final = ("none", "low", "medium", "high", "critical")
# What a value of a group is cut to, and stands for if the sample lacks it.
_LONGEST: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

MetaValue = str | float | bool | None
GroupValues = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample, judged. What is None or NaN is not known, and compares with nothing.

    ``at``          when, with a time zone
    ``severity``    0 (healthy) to 4, as ``monitoring.scoring.Severity``
    ``distance``    the score, in its units; ``p_value``; ``ratio`` to the largest healthy score
    ``calibration`` healthy rows behind the p-value; the test for drift needs it
    ``meta``        the row's metadata by column
    """

    at: datetime
    severity: int | None = None
    distance: float | None = None
    p_value: float | None = None
    ratio: float | None = None
    off_map: bool | None = None
    calibration: int | None = None
    meta: Mapping[str, MetaValue] = field(default_factory=dict)


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970; ValueError for a moment without a time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"The moment {moment.isoformat()} has no time zone. Give it one.")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    """The moment in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def as_text(value: MetaValue) -> str | None:
    """A value of metadata as it is compared with text: 6.0 is "6"; None if it is not known."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case int() | float():
            if math.isnan(value):
                return None
            return str(int(value)) if float(value).is_integer() else repr(value)
        case _:
            return str(value)


def group_of(sample: Sample, group_by: Sequence[str]) -> GroupValues:
    """The group that the sample belongs to: the named keys with their values, "" if there is none.

    ``group_by`` has keys as the grammar writes them: ``meta.machine``.
    """
    return tuple(
        (key, (as_text(sample.meta.get(key.removeprefix(META))) or "")[:_LONGEST])
        for key in group_by
    )
