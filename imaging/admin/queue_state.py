"""How the queue stands: jobs by status from ``queue_status_summary``, and who works.

The view reads every job. A queue too long for that is counted by index instead, its averages are
those of the last hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from django.db import OperationalError, connection, transaction
from django.http import HttpRequest

from config.admin.formats import State, duration, number
from imaging.admin.states import job_word
from imaging.kinds import IMAGING
from imaging.models import ProcessingJob, QueueStatus
from jobs import status
from jobs.status import WorkerStatus

# The view reads every job; a queue too long for this is shown without its averages.
_TIMEOUT_MS: Final = 1500
_NAV_CAP: Final = 1000
_WORKERS: Final = 50


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The jobs of one status, as the view sums them up."""

    status: str
    count: int
    wait_seconds: float | None
    run_seconds: float | None


@dataclass(frozen=True, slots=True)
class QueueTile:
    """One figure at the top of the page, and the list it leads to."""

    label: str
    value: str
    note: str
    state: State | None
    status: str = ""


@dataclass(frozen=True, slots=True)
class QueueState:
    """Everything above the list of jobs."""

    tiles: list[QueueTile]
    workers: list[WorkerStatus] = field(default_factory=list)
    idle: bool = False
    notice: str = ""


def failed_jobs(request: HttpRequest) -> int:
    """How many jobs have failed, counted to 1,000; for the navigation."""
    return ProcessingJob.objects.filter(status=QueueStatus.FAILED)[:_NAV_CAP].count()


def summary() -> dict[str, StatusLine] | None:
    """Lines of ``queue_status_summary`` by status; None where reading it takes too long."""
    if status.is_large(IMAGING):
        return None
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('statement_timeout'),"
                " set_config('statement_timeout', %s, true)",
                [str(_TIMEOUT_MS)],
            )
            (before, _) = cursor.fetchone()
            cursor.execute(
                "SELECT status, job_count, avg_wait_seconds, avg_processing_seconds"
                " FROM queue_status_summary"
            )
            rows = cursor.fetchall()
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError:
        return None
    return {
        status: StatusLine(
            status,
            count,
            None if wait is None else float(wait),
            None if run is None else float(run),
        )
        for status, count, wait, run in rows
    }


def counted_by_index() -> dict[str, StatusLine]:
    """The same at a price that does not grow with the table; done ones of the last hour alone."""
    now = status.queue(IMAGING.queue)
    lines = {
        name: StatusLine(name, count, None, None) for name, count in now.counts.by_status.items()
    }
    total, done = now.hour.total, QueueStatus.COMPLETED
    if total.done:
        lines[done] = StatusLine(done, total.done, total.mean_wait, total.mean_run)
    return lines


def workers() -> list[WorkerStatus]:
    """The workers that run, the longest running first."""
    return status.workers()[:_WORKERS]


def state_of_queue() -> QueueState:
    """Figures and workers, and a sentence where somebody has to act."""
    lines, running = summary(), workers()
    notices = []
    if lines is None:
        lines = counted_by_index()
        notices.append(
            "The queue is too long to be summed up job by job: what is done is that of the last"
            " hour. The list below is complete."
        )
    waiting = _count(lines, QueueStatus.QUEUED) + _count(lines, QueueStatus.RETRYING)
    idle = bool(waiting and not running)
    if idle:
        notices.append(
            "Jobs wait, but no worker has been seen for 30 seconds. Images stay without result"
            " until an operator starts one: python manage.py run_worker"
        )
    return QueueState(_tiles(lines, running), running, idle=idle, notice=" ".join(notices))


def _count(lines: dict[str, StatusLine], status: str) -> int:
    line = lines.get(status)
    return line.count if line else 0


def _tiles(lines: dict[str, StatusLine], running: list[WorkerStatus]) -> list[QueueTile]:
    done = lines.get(QueueStatus.COMPLETED)
    failed, retrying = _count(lines, QueueStatus.FAILED), _count(lines, QueueStatus.RETRYING)
    places = sum(worker.concurrency for worker in running)
    return [
        _status_tile(lines, QueueStatus.QUEUED, "none are in line", "wait for a worker"),
        _status_tile(
            lines,
            QueueStatus.PROCESSING,
            "nothing runs",
            f"of {places} places" if places else "no worker is alive",
        ),
        QueueTile(
            job_word(QueueStatus.FAILED),
            number(failed),
            "need a look" if failed else "nothing went wrong",
            "bad" if failed else "good",
            QueueStatus.FAILED,
        ),
        QueueTile(
            job_word(QueueStatus.RETRYING),
            number(retrying),
            "tried again by themselves",
            "warning" if retrying else None,
            QueueStatus.RETRYING,
        ),
        QueueTile("Average wait", _seconds(done, "wait_seconds"), "of jobs that are done", None),
        QueueTile("Average run", _seconds(done, "run_seconds"), _done_note(done), None),
    ]


def _status_tile(
    lines: dict[str, StatusLine], status: QueueStatus, none: str, some: str
) -> QueueTile:
    count = _count(lines, status)
    return QueueTile(
        job_word(status),
        number(count),
        some if count else none,
        "notice" if count else None,
        status,
    )


def _seconds(line: StatusLine | None, name: str) -> str:
    value = getattr(line, name) if line else None
    return duration(None if value is None else value * 1000)


def _done_note(line: StatusLine | None) -> str:
    return f"over {number(line.count)} jobs" if line else "no job is done yet"
