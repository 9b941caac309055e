"""The rows of the schedule: kept in step with the declarations, paused and resumed by staff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models.functions import Now

from audit.recording import record
from jobs.models.recurring import Recurrence
from jobs.moments import database_now
from jobs.printable import printable
from jobs.schedule.cron import cron
from jobs.schedule.declarations import Recurring, entries
from jobs.schedule.errors import UnknownEntry

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Synchronised:
    """The names of entries that are new, have changed, or are no longer declared."""

    added: list[str]
    changed: list[str]
    retired: list[str]


@transaction.atomic
def synchronise() -> Synchronised:
    """Write the declarations to ``job_schedule``; safe with many workers at once, and to repeat.

    An entry whose cron or time zone has changed is next due by the new one. So is one whose next
    tick lies further ahead than its cron says, as after a correction of the server's clock.
    """
    now = _locked_moment()
    rows = {row.name: row for row in Recurrence.objects.select_for_update().order_by("name")}
    declared = entries()
    outcome = Synchronised([], [], [])
    for made in declared:
        row = rows.pop(made.name, None)
        if row is None:
            Recurrence.objects.create(
                name=made.name, next_at=made.ticks.after(now), **columns(made)
            )
            outcome.added.append(made.name)
        elif _update(row, made, now):
            outcome.changed.append(made.name)
    for row in rows.values():
        if row.declared:
            row.declared = False
            row.save(update_fields=["declared"])
            outcome.retired.append(row.name)
    if outcome.added or outcome.changed or outcome.retired:
        log.info(
            "schedule synchronised",
            added=outcome.added,
            changed=outcome.changed,
            retired=outcome.retired,
        )
    return outcome


@transaction.atomic
def pause(name: str, *, by: str, reason: str = "") -> bool:
    """Let the entry's ticks pass without a run; False if it was paused already."""
    if not Recurrence.objects.filter(name=name).exists():
        raise no_such_entry(name)
    paused = Recurrence.objects.filter(name=name, paused_at=None).update(
        paused_at=Now(), paused_by=by, pause_reason=printable(reason)
    )
    if paused:
        record(
            "schedule_entry.paused",
            subject=("schedule_entry", name),
            before={"paused": False},
            after={"paused": True},
            details={"reason": printable(reason)},
            personal={"by": by},
        )
        log.info("schedule entry paused", entry=name, by=by, reason=reason)
    return bool(paused)


@transaction.atomic
def resume(name: str, *, by: str) -> bool:
    """Let the entry run again from its next tick on; False if it was not paused.

    Ticks that passed while it was paused are not made up for, whatever the entry says of ticks
    that were missed: nobody missed them.
    """
    row = Recurrence.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise no_such_entry(name)
    if row.paused_at is None:
        return False
    row.paused_at, row.paused_by, row.pause_reason = None, "", ""
    row.next_at = cron(row.cron, row.timezone).after(database_now())
    row.save(update_fields=["paused_at", "paused_by", "pause_reason", "next_at"])
    record(
        "schedule_entry.resumed",
        subject=("schedule_entry", name),
        before={"paused": True},
        after={"paused": False},
        personal={"by": by},
    )
    log.info("schedule entry resumed", entry=name, by=by)
    return True


def columns(made: Recurring) -> dict[str, Any]:
    """What the row of ``job_schedule`` says of the declaration, by column."""
    limit = made.time_limit
    return {
        "cron": made.cron,
        "timezone": made.ticks.timezone,
        "missed": made.missed.value,
        "tolerance_seconds": int(made.tolerance.total_seconds()),
        "overlap": made.overlap,
        "max_retries": made.max_retries,
        "time_limit_seconds": None if limit is None else limit.total_seconds(),
        "description": made.description,
        "declared": True,
    }


def _update(row: Recurrence, made: Recurring, now: datetime) -> bool:
    """Bring the row in step with its declaration; whether it was not."""
    wanted = columns(made)
    changed = [name for name, value in wanted.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, wanted[name])
    upcoming = made.ticks.after(now)
    moved = not {"cron", "timezone", "declared"}.isdisjoint(changed)
    if moved or row.next_at is None or row.next_at > upcoming:
        row.next_at = upcoming
        changed.append("next_at")
    if changed:
        row.save(update_fields=changed)
    return bool(changed)


def _locked_moment() -> datetime:
    """The database's time, once no other worker synchronises."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('job_schedule'))")
    return database_now()


def no_such_entry(name: str) -> UnknownEntry:
    """The refusal of a name that is not in the table."""
    known = ", ".join(Recurrence.objects.order_by("name").values_list("name", flat=True)) or "none"
    return UnknownEntry(f"The schedule has no entry {name!r}. It has: {known}.")
