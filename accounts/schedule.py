"""The recurring work of accounts."""

from datetime import timedelta

from accounts.actions import cleaning
from jobs.lease import report_progress
from jobs.models import Missed, RecurringJob
from jobs.schedule import Recurring, register


def clean_sessions(job: RecurringJob) -> None:
    """Delete what is over of sessions, links and requests."""
    rows = 0
    for batch in cleaning.clean_up():
        rows += batch.rows
        report_progress(job, done=rows, total=rows, message=f"{rows} deleted")


CLEANUP_SESSIONS = register(
    Recurring(
        name="cleanup_sessions",
        cron="23 * * * *",
        run="accounts.schedule.clean_sessions",
        missed=Missed.ONCE,
        time_limit=timedelta(minutes=30),
        description="Deletes sessions, links and traces of requests that are over.",
    )
)
