"""Whether somebody works on what waits, and whether anything slows the queues down.

Each check answers with one sentence, or None. They are told by ``/readyz`` and on the staff's
pages, see the queues as they are whoever looks, and count no rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from django.db import connection, models
from django.db.models import QuerySet
from django.db.models.functions import Now

from database import system_settings
from database.actor import acting_as_system
from jobs import registry
from jobs.models.queue import Queue
from jobs.models.worker import Worker
from jobs.moments import database_now
from jobs.registry import JobKind
from jobs.statements.names import names

# A worker's heartbeat comes every 5 s; after this long it is not merely late.
SEEN_WITHIN = timedelta(seconds=30)

# A transaction this old, or this many transactions behind, keeps vacuum from its work: the rows
# that jobs have left stay in the way of each claim.
OLD_TRANSACTION = timedelta(minutes=10)
OLD_SNAPSHOT = 1_000_000

# Vacuum comes when 1,000 rows and 1 % of the table are dead (``install_queue()``). Twice as many
# say that it does not come, or cannot remove them; fewer than the least are walked over in no time.
DEAD_ROWS = 50_000
_VACUUM_AFTER: Final = (1_000, 0.01)

# How far down the line of each priority the oldest job is looked for.
_LOOK: Final = 250


def warnings() -> list[str]:
    """Every sentence that there is to tell, the most urgent first."""
    found = (check() for check in (workers, oldest_job, horizon, dead_rows))
    return [sentence for sentence in found if sentence is not None]


# --- Workers --------------------------------------------------------------------------------------


@acting_as_system()
def workers() -> str | None:
    """A sentence that names the queues where jobs wait and no worker has been seen, or None."""
    served: set[str] = set()
    for queues in alive().values_list("queues", flat=True):
        served.update(queues)
    deserted = [
        kind.queue
        for kind in registry.kinds()
        if kind.queue not in served and kind.jobs.ready().exists()
    ]
    if not deserted:
        return None
    return (
        f"Jobs wait in {', '.join(deserted)}, but no worker has been seen there for"
        f" {SEEN_WITHIN.seconds} seconds. Start one: python manage.py run_worker"
    )


def alive() -> QuerySet[Worker]:
    """The workers that run, as far as their heartbeat tells."""
    return Worker.objects.filter(stopped_at=None, last_seen_at__gte=Now() - SEEN_WITHIN)


# --- Waiting --------------------------------------------------------------------------------------


@acting_as_system()
def oldest_job() -> str | None:
    """A sentence about the queue whose jobs wait longest, if longer than ``queue_late_seconds``."""
    now = database_now()
    waits = [
        (now - since, kind) for kind in registry.kinds() if (since := oldest_ready_since(kind))
    ]
    if not waits:
        return None
    waited, kind = max(waits, key=lambda wait: wait[0])
    late = timedelta(seconds=system_settings.get("queue_late_seconds"))
    if waited <= late:
        return None
    table = kind.model._meta.db_table
    paused = Queue.objects.filter(table_name=table, paused_at__isnull=False).first()
    if paused is not None:
        by = f" by {paused.paused_by}" if paused.paused_by else ""
        advice = (
            f"The queue was paused{by}; when it may go on: python manage.py resume_queue"
            f" {kind.queue}"
        )
    else:
        advice = "Start more workers: python manage.py run_worker"
    return f"In the queue {kind.queue} a job has waited for {in_words(waited)}. {advice}"


@acting_as_system()
def oldest_ready_since(kind: JobKind) -> datetime | None:
    """Since when the oldest job that could start has waited, or None where none waits.

    It is looked for among the first of each priority, along the index of the line. A job that is
    tried again counts from its last error.
    """
    with connection.cursor() as cursor:
        cursor.execute(oldest_in_line(kind.model), [_LOOK])
        since: datetime | None = cursor.fetchone()[0]
    return since


@cache
def oldest_in_line(model: type[models.Model]) -> str:
    """Parameter: how far down the line of each priority to look."""
    return """
        SELECT min(head.since)
        FROM generate_series(1, 10) AS each (priority), LATERAL (
            SELECT greatest(q.created_at, q.last_error_at) AS since
            FROM {table} q
            WHERE {in_line} AND -q.priority = -each.priority
            ORDER BY q.turn, q.id
            LIMIT %s
        ) AS head
    """.format(**names(model))


# --- Vacuum ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holder:
    """What keeps vacuum from removing dead rows: how long, and how many transactions, by now."""

    kind: str  # session, prepared or slot
    name: str
    transactions: int
    lasting: timedelta | None  # None: a slot's is not known

    @property
    def is_old(self) -> bool:
        """Whether it should be told of."""
        by_time = self.lasting is not None and self.lasting > OLD_TRANSACTION
        return by_time or self.transactions > OLD_SNAPSHOT

    def sentence(self) -> str:
        """What it is, and what to do about it."""
        what, remedy = {
            "session": (
                f"The database session with process id {self.name}",
                f"end it, if nobody needs it: SELECT pg_terminate_backend({self.name})",
            ),
            "prepared": (
                f"The prepared transaction {self.name!r}",
                "finish it with COMMIT PREPARED or ROLLBACK PREPARED",
            ),
            "slot": (
                f"The replication slot {self.name!r}",
                "bring its standby back, or drop the slot with pg_drop_replication_slot()",
            ),
        }[self.kind]
        long = f" for {in_words(self.lasting)}" if self.lasting is not None else ""
        return (
            f"{what} holds an old snapshot{long} ({self.transactions:,} transactions behind), so"
            " vacuum cannot remove dead rows and the queues slow down. As an administrator,"
            f" {remedy}"
        )


# Sessions of others show their age in time to whoever reads all statistics, as the system does.
# Vacuum itself is no hindrance to vacuum; sessions of other databases are none to this one, but
# standbys are.
_HOLDERS: Final = """
    SELECT 'session', a.pid::text,
        greatest(age(a.backend_xid), age(a.backend_xmin)), clock_timestamp() - a.xact_start
    FROM pg_stat_activity a
    WHERE (a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL)
        AND a.pid <> pg_backend_pid()
        AND (a.datid IS NULL OR a.datid = (
            SELECT oid FROM pg_database WHERE datname = current_database()))
        AND a.pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum)
    UNION ALL
    SELECT 'prepared', gid, age(transaction), clock_timestamp() - prepared
    FROM pg_prepared_xacts WHERE database = current_database()
    UNION ALL
    SELECT 'slot', slot_name::text, age(xmin), NULL
    FROM pg_replication_slots WHERE xmin IS NOT NULL
"""


@acting_as_system()
def horizon() -> str | None:
    """A sentence about the oldest transaction that keeps vacuum from its work, or None."""
    old = [holder for holder in _holders() if holder.is_old]
    if not old:
        return None
    return max(old, key=lambda holder: holder.transactions).sentence()


def _holders() -> Iterator[Holder]:
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS)
        for kind, name, transactions, lasting in cursor.fetchall():
            yield Holder(kind, name, int(transactions), lasting)


_DEAD: Final = """
    SELECT relname, n_dead_tup, greatest(last_vacuum, last_autovacuum)
    FROM pg_stat_user_tables
    WHERE relid = ANY (SELECT to_regclass(quote_ident(name)) FROM unnest(%s::text[]) AS name)
        AND n_dead_tup > greatest(%s, 2 * (%s + %s * n_live_tup))
    ORDER BY n_dead_tup DESC
    LIMIT 1
"""


@acting_as_system()
def dead_rows() -> str | None:
    """A sentence about the queue that drags the most dead rows along, if they are too many."""
    tables = {kind.model._meta.db_table: kind.queue for kind in registry.kinds()}
    with connection.cursor() as cursor:
        cursor.execute(_DEAD, [list(tables), DEAD_ROWS, *_VACUUM_AFTER])
        row = cursor.fetchone()
    if row is None:
        return None
    table, dead, vacuumed = row
    last = f"last on {vacuumed:%Y-%m-%d at %H:%M} UTC" if vacuumed else "never, so far"
    return (
        f"The queue {tables[table]} drags {dead:,} dead rows along (table {table}, vacuumed"
        f" {last}), and each claim walks over them. Look for a transaction that has been open for"
        f" long, then run as the owner: VACUUM {table}"
    )


def in_words(span: timedelta) -> str:
    """A span of time, roughly: 42 seconds, 17 minutes, 5 hours, 3 days."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
