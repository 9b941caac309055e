"""The recurring work of monitoring."""

from datetime import timedelta

from jobs.lease import raise_if_cancelled, report_progress
from jobs.models import Missed, RecurringJob
from jobs.retry import GiveUp
from jobs.schedule import Recurring, register
from monitoring.actions import archiving, metrics, packing
from monitoring.errors import MonitoringError


def archive_monitor_data(job: RecurringJob) -> None:
    """Pack samples that are older than the setting says."""
    before = packing.limit()
    total = packing.due(before)
    done = packing.Outcome()
    for done in packing.pack(before):
        raise_if_cancelled(job)
        report_progress(
            job, done=min(done.blocks + done.left, total), total=total, message="packing, in blocks"
        )
    report_progress(
        job,
        done=total,
        total=total,
        message=f"{done.samples:,} samples packed {done.ratio or 1:g} times, {done.left} left",
    )


def archive_analyses(job: RecurringJob) -> None:
    """Move analyses that are older than the setting says to files; forget old measurements."""
    portions = archiving.due(archiving.limit())
    moved, refused = 0, list[str]()
    for number, portion in enumerate(portions, 1):
        raise_if_cancelled(job)
        try:
            moved += archiving.archive(portion).analysis_count
        except MonitoringError as error:  # of this file; the others are written
            refused.append(str(error))
        report_progress(job, done=number, total=len(portions), message="archiving, in files")
    gone = metrics.forget_old()
    report_progress(
        job,
        done=len(portions),
        total=len(portions),
        message=f"{moved:,} analyses archived, {gone:,} measurements deleted",
    )
    if refused:
        raise GiveUp(
            f"{len(refused)} of {len(portions)} files could not be written; the others were."
            f" {' '.join(refused)}"[:2000]
        )


ARCHIVE_MONITOR_DATA = register(
    Recurring(
        name="archive_monitor_data",
        cron="23 2 * * *",
        run="monitoring.schedule.archive_monitor_data",
        missed=Missed.ONCE,
        time_limit=timedelta(hours=4),
        description="Packs samples that are older than half a year.",
    )
)
ARCHIVE_ANALYSES = register(
    Recurring(
        name="archive_analyses",
        cron="37 2 * * 0",
        run="monitoring.schedule.archive_analyses",
        missed=Missed.ONCE,
        time_limit=timedelta(hours=4),
        description="Moves analyses that are older than a year to files.",
    )
)
