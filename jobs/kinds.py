"""The kinds of job that the engine itself gives to workers."""

from jobs.models.recurring import RecurringJob
from jobs.registry import JobKind, register

RECURRING = register(
    JobKind(
        queue="recurring",
        model=RecurringJob,
        handler="jobs.schedule.running.run",
        executor="process",  # what runs here is anybody's, and may take long
    )
)
