"""What recurs, as the code declares it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils.module_loading import import_string

from jobs.models.recurring import Missed, RecurringJob
from jobs.schedule.cron import Cron, cron
from jobs.schedule.errors import UnknownEntry

Run = Callable[[RecurringJob], object]

_LONGEST_NAME: Final = 100
_LONGEST_CRON: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """One entry of the schedule.

    ``cron``        five fields: minute, hour, day of month, month, day of week
    ``run``         dotted path of a function that takes the job; it may run again after a failure
                    or a killed worker, so doing it twice must do no harm
    ``missed``      what becomes of ticks that no worker saw: ``SKIP`` drops those older than
                    ``tolerance``, ``ONCE`` makes up for all of them with one run for the latest,
                    ``EACH`` runs every one, oldest first
    ``timezone``    in which ``cron`` is read; None: the setting TIME_ZONE
    ``overlap``     False: a tick that comes while the run before it waits or runs is dropped
                    (``EACH`` drops none)
    ``time_limit``  None: the system setting ``job_timeout``
    """

    name: str
    cron: str
    run: str
    missed: Missed = Missed.ONCE
    timezone: str | None = None
    tolerance: timedelta = timedelta(seconds=60)
    overlap: bool = False
    time_limit: timedelta | None = None
    max_retries: int = 3
    description: str = ""

    @property
    def ticks(self) -> Cron:
        """When it is due."""
        return cron(self.cron, self.timezone or settings.TIME_ZONE)

    def load(self) -> Run:
        """The function itself; ValueError if its path leads nowhere or to no function."""
        try:
            loaded: object = import_string(self.run)
        except ImportError as error:
            raise ValueError(
                f"The schedule entry {self.name!r} runs {self.run!r}, which cannot be imported:"
                f" {error}."
            ) from error
        if callable(loaded):
            return loaded
        raise ValueError(
            f"The schedule entry {self.name!r} runs {self.run!r}, which is no function."
        )

    def check(self) -> None:
        """ValueError (WrongCron) with a sentence, if anything about it is wrong."""
        if not 1 <= len(self.name) <= _LONGEST_NAME:
            raise ValueError(
                f"The name {self.name!r} of a schedule entry must have 1 to {_LONGEST_NAME}"
                " characters."
            )
        if len(self.cron) > _LONGEST_CRON:
            raise ValueError(
                f"The cron expression of the schedule entry {self.name!r} is longer than"
                f" {_LONGEST_CRON} characters."
            )
        for what, span in (("tolerance", self.tolerance), ("time limit", self.time_limit)):
            if span is not None and span < timedelta(seconds=1):
                raise ValueError(
                    f"The {what} of the schedule entry {self.name!r} must be at least 1 second,"
                    f" not {span}."
                )
        if self.max_retries < 0:
            raise ValueError(
                f"The schedule entry {self.name!r} cannot be retried {self.max_retries} times."
            )
        cron(self.cron, self.timezone or settings.TIME_ZONE)
        self.load()


_ENTRIES: Final[dict[str, Recurring]] = {}


def register(made: Recurring) -> Recurring:
    """Make an entry known, from ``AppConfig.ready``; ValueError if anything about it is wrong.

    Registering it again replaces it, as long as it runs the same function.
    """
    made.check()
    other = _ENTRIES.get(made.name)
    if other is not None and other.run != made.run:
        raise ValueError(
            f"The schedule has two entries {made.name!r}: one runs {other.run}, one {made.run}."
            " Give one of them another name."
        )
    _ENTRIES[made.name] = made
    return made


def entries() -> list[Recurring]:
    """Every declared entry, by name."""
    return [_ENTRIES[name] for name in sorted(_ENTRIES)]


def entry(name: str) -> Recurring:
    """The declared entry of this name, or UnknownEntry with the names there are."""
    try:
        return _ENTRIES[name]
    except KeyError:
        known = ", ".join(sorted(_ENTRIES)) or "none"
        raise UnknownEntry(f"The schedule has no entry {name!r}. It has: {known}.") from None
