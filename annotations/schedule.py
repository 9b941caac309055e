"""The recurring work of annotations."""

from datetime import timedelta

from annotations.actions import maintenance, recalibrating
from annotations.knowledge.errors import NotEnoughKnown
from jobs.lease import report_progress
from jobs.models import Missed, RecurringJob
from jobs.schedule import Recurring, register


def clean_up(job: RecurringJob) -> None:
    """The daily task: expired entries, answers beyond the limit, payloads that are too old."""
    cleaned = maintenance.clean_up()
    stuck = maintenance.stuck()
    report_progress(
        job,
        done=1,
        total=1,
        message=(
            f"{cleaned.expired} expired, {cleaned.evicted} evicted, payloads of"
            f" {cleaned.payload_jobs} jobs erased;"
            f" {stuck['stuck_ai_jobs'] + stuck['stuck_batches']} jobs are stuck"
        ),
    )


def refresh_cache_metrics(job: RecurringJob) -> None:
    """The monthly task; each night, so that the figures by day have yesterday."""
    maintenance.refresh_metrics()
    report_progress(job, done=1, total=1, message="the figures by day are up to date")


def recalibrate(job: RecurringJob) -> None:
    """Learn what confidence means where a tenth more was decided than the last time."""
    due = recalibrating.due()
    ranked = refused = 0
    for done, of in enumerate(due):
        try:
            for step in recalibrating.learn(of):
                ranked += step
                report_progress(job, done=done, total=len(due), message=f"{of}: ranking")
        except NotEnoughKnown:
            refused += 1
    report_progress(
        job,
        done=len(due),
        total=len(due),
        message=f"{len(due) - refused} models calibrated, {ranked:,} annotations ranked anew",
    )


CLEANUP_ANNOTATIONS = register(
    Recurring(
        name="cleanup_annotations",
        cron="17 3 * * *",
        run="annotations.schedule.clean_up",
        missed=Missed.ONCE,
        time_limit=timedelta(hours=1),
        description="Removes expired and surplus answers of providers, and old payloads.",
    )
)
REFRESH_CACHE_METRICS = register(
    Recurring(
        name="refresh_cache_metrics",
        cron="47 3 * * *",
        run="annotations.schedule.refresh_cache_metrics",
        missed=Missed.ONCE,
        time_limit=timedelta(minutes=30),
        description="Brings the daily figures of the cache of answers up to date.",
    )
)
RECALIBRATE_CONFIDENCE = register(
    Recurring(
        name="recalibrate_confidence",
        cron="27 2 * * *",
        run="annotations.schedule.recalibrate",
        missed=Missed.ONCE,
        time_limit=timedelta(hours=3),
        description="Learns from reviews what confidence means, and ranks the queue by it.",
    )
)
