"""The recurring work of the job engine itself."""

from datetime import timedelta
from typing import Final

from jobs.models.recurring import Missed
from jobs.schedule.declarations import Recurring, register

ENTRIES: Final = (
    register(
        Recurring(
            name="make_partitions",
            cron="7 0 * * *",
            run="jobs.housekeeping.make_partitions",
            missed=Missed.ONCE,
            time_limit=timedelta(minutes=10),
            description="Makes the next three months of every table partitioned by month.",
        )
    ),
    register(
        Recurring(
            name="prune_jobs",
            cron="17 3 * * *",
            run="jobs.housekeeping.prune_finished",
            missed=Missed.ONCE,
            time_limit=timedelta(hours=6),
            description="Deletes jobs that ended longer ago than the settings keep them.",
        )
    ),
    register(
        Recurring(
            name="prune_statistics",
            cron="47 3 * * *",
            run="jobs.housekeeping.prune_statistics",
            missed=Missed.ONCE,
            time_limit=timedelta(hours=1),
            description="Deletes minutes of statistics older than two weeks, and old attempts.",
        )
    ),
    register(
        Recurring(
            name="cleanup_storage",
            cron="29 4 * * *",
            run="jobs.housekeeping.clean_storage",
            missed=Missed.ONCE,
            time_limit=timedelta(hours=2),
            description="Removes stored files that no row needs: what killed uploads left behind.",
        )
    ),
)
