"""Recurring work that a test declares, makes due, and finds in the queue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobs import schedule
from jobs.models import Recurrence, RecurringJob
from jobs.schedule import Recurring

ran: list[str] = []  # the names of the entries that ran


def note(job: RecurringJob) -> None:
    """What the entries of these tests run."""
    ran.append(job.name)


RUN = f"{__name__}.note"
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def declare(name: str = "sweep", cron: str = "0 * * * *", **options: Any) -> Recurring:
    """Declare work, every hour in UTC unless a test says otherwise."""
    return schedule.register(Recurring(name=name, cron=cron, run=RUN, timezone="UTC", **options))


def row(name: str = "sweep") -> Recurrence:
    """The entry as the database has it."""
    return Recurrence.objects.get(name=name)


def next_tick(name: str = "sweep") -> datetime:
    """When the entry is due next; fails if it never is."""
    found = row(name).next_at
    assert found is not None, f"{name} is never due"
    return found


def due(next_at: datetime = NOON, **options: Any) -> Recurrence:
    """A declared entry whose next tick is at that moment."""
    declare(**options)
    schedule.synchronise()
    Recurrence.objects.update(next_at=next_at)
    return row()


def ticks() -> list[datetime]:
    """The ticks of all runs there are, oldest first."""
    return list(RecurringJob.objects.order_by("tick").values_list("tick", flat=True))
