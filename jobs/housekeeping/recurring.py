"""Housekeeping as recurring work."""

from __future__ import annotations

from audit import partitions
from jobs import registry
from jobs.housekeeping import unowned
from jobs.housekeeping.months import make_months_ahead
from jobs.housekeeping.old_jobs import delete_old
from jobs.housekeeping.old_records import delete_old_attempts, delete_old_statistics
from jobs.lease import raise_if_cancelled, report_progress
from jobs.models.recurring import RecurringJob


def prune_finished(job: RecurringJob) -> None:
    """Delete the jobs of every queue that are older than its retention."""
    seen = deleted = 0
    for kind in registry.kinds():
        for batch in delete_old(kind):
            seen += batch.seen
            deleted += batch.finished + batch.failed
            report_progress(job, done=seen, message=kind.queue)
            raise_if_cancelled(job)
    report_progress(job, done=seen, total=seen, message=f"{deleted} jobs deleted")


def make_partitions(job: RecurringJob) -> None:
    """Make the coming months of every table, and mend the audit log where one was missing."""
    made = make_months_ahead()
    moved = partitions.recover_astray()
    message = f"made {', '.join(made)}" if made else "every month is there"
    if moved:
        message += f"; {moved} entries of the audit log put into their months"
    report_progress(job, done=1, total=1, message=message)


def prune_statistics(job: RecurringJob) -> None:
    """Delete old minutes of statistics, and attempts that nobody asks for any more."""
    minutes = delete_old_statistics()
    attempts = delete_old_attempts()
    report_progress(
        job, done=1, total=1, message=f"{minutes} minutes and {attempts} attempts deleted"
    )


def clean_storage(job: RecurringJob) -> None:
    """Remove stored files that no row needs, and parts of files that nobody writes any more."""
    swept, found = unowned.search()
    raise_if_cancelled(job)
    done = unowned.Swept()
    for done in unowned.remove(swept, found):
        report_progress(job, done=done.files + done.parts + done.kept, total=len(found))
        raise_if_cancelled(job)
    report_progress(
        job,
        done=len(found),
        total=len(found),
        message=f"{done.files} files and {done.parts} parts removed, of {swept.seen} looked at",
    )
