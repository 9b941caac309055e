"""The kind of job that monitoring gives to workers."""

from datetime import timedelta

from jobs.registry import JobKind, register
from monitoring.models import Analysis

# Analyses are no leftovers of a queue: they go to the archive, which decides when.
_FOR_GOOD = timedelta(days=36_500)

MONITORING = register(
    JobKind(
        queue="monitoring",
        model=Analysis,
        handler="monitoring.handlers.run",
        executor="process",  # it computes, for minutes
        prepare="monitoring.handlers.warm_up",
        time_limit=timedelta(hours=2),
        limit_per_person=True,
        keep=_FOR_GOOD,
    )
)
