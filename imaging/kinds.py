"""The kinds of job that imaging gives to workers."""

from imaging.models import ProcessingJob
from jobs.registry import JobKind, register

IMAGING = register(
    JobKind(
        queue="imaging",
        model=ProcessingJob,
        handler="imaging.handlers.analyse",
        executor="process",  # it computes, and a broken file must not take its neighbours along
        prepare="imaging.handlers.warm_up",
        limit_per_person=True,
    )
)
