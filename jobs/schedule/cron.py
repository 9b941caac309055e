"""When recurring work is due: cron expressions, read in a time zone.

Five fields - minute, hour, day of month, month, day of week - as Debian's cron reads them. Where
the clocks change, so does what Debian's cron does: work at fixed hours runs once, at the first
pass of a repeated hour and right after a skipped one; work with a star in minute or hour follows
real time, twice through a repeated hour and never in a skipped one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from jobs.schedule.errors import WrongCron

_FIELDS = 5
# A reference for checks that do not depend on the day.
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


class Cron:
    """One expression in one time zone. Moments are given and returned in UTC.

    ``Cron("17 3 * * *", "Europe/Berlin").after(moment)`` is the next 03:17 in Berlin.
    """

    def __init__(self, expression: str, timezone: str) -> None:
        self.expression = expression
        self.timezone = timezone
        self._zone = _zone(timezone)
        fields = expression.split()
        if len(fields) != _FIELDS:
            raise WrongCron(
                f"The cron expression {expression!r} has {len(fields)} fields. It needs {_FIELDS}:"
                " minute, hour, day of month, month, day of week."
            )
        try:
            first = next(CronSim(expression, _SOME_DAY), None)
        except (CronSimError, ValueError) as error:
            reason = str(error).lower() if isinstance(error, CronSimError) else "bad number"
            raise WrongCron(
                f"The cron expression {expression!r} cannot be read: {reason}."
            ) from None
        if first is None:
            raise WrongCron(f"The cron expression {expression!r} is never due.")

    def after(self, moment: datetime) -> datetime:
        """The first tick later than ``moment``."""
        return next(self.ticks(moment))

    def ticks(self, moment: datetime) -> Iterator[datetime]:
        """Every tick later than ``moment``, in order.

        Two ticks that a skipped hour moves to the same moment count as one.
        """
        last = moment.astimezone(UTC)
        for tick in CronSim(self.expression, last.astimezone(self._zone)):
            found = tick.astimezone(UTC)
            # In the second pass of a repeated hour, the search begins with the first pass again.
            if found > last:
                yield found
                last = found

    def latest(self, moment: datetime) -> datetime:
        """The last tick that is not later than ``moment``."""
        end = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        backwards = CronSim(self.expression, end.astimezone(self._zone), reverse=True)
        found = next(tick for tick in backwards if tick < end).astimezone(UTC)
        # Looking back it may overlook one in a repeated hour; looking forward settles it.
        for tick in self.ticks(found):
            if tick > moment:
                break
            found = tick
        return found


@lru_cache(maxsize=256)
def cron(expression: str, timezone: str) -> Cron:
    """The expression, read once; WrongCron says what is wrong with it."""
    return Cron(expression, timezone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongCron(
            f"There is no time zone {name!r}. Name one such as UTC or Europe/Berlin."
        ) from None
