"""The recurring work of imaging."""

from datetime import timedelta

from imaging.actions import cache
from jobs.lease import report_progress
from jobs.models import Missed, RecurringJob
from jobs.schedule import Recurring, register


def clean_cache(job: RecurringJob) -> None:
    """Remove cached analyses that expired or are too many."""
    cleaned = cache.clean_up()
    report_progress(
        job, done=1, total=1, message=f"{cleaned.rows} removed, {cleaned.rows_left} left"
    )


CLEANUP_CACHE = register(
    Recurring(
        name="cleanup_cache",
        cron="41 * * * *",
        run="imaging.schedule.clean_cache",
        missed=Missed.ONCE,
        time_limit=timedelta(minutes=30),
        description="Removes cached analyses that expired or are too many.",
    )
)
