"""The kinds of job that annotations give to workers."""

from datetime import timedelta

from annotations.models import AiAnnotationJob, BatchJob
from jobs.registry import JobKind, register
from jobs.retry import RetryRule

AI = register(
    JobKind(
        queue="ai-annotations",
        model=AiAnnotationJob,
        handler="annotations.handlers.annotate",
        executor="thread",  # it waits for others; what computes here is short
        time_limit=timedelta(minutes=15),
        retry=RetryRule(base=15, cap=3600),
        limit_per_person=True,
    )
)

BATCH = register(
    JobKind(
        queue="batches",
        model=BatchJob,
        handler="annotations.handlers.run_batch",
        executor="thread",
        time_limit=timedelta(hours=12),
        concurrency=2,
    )
)
