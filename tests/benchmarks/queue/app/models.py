"""Three queues of the same shape, and a table of that shape that is no queue."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from jobs.models import Job, States


class BenchJob(Job):
    """What the tables have in common: somebody's job, with a payload."""

    states: ClassVar[States] = States(
        ready="queued",
        running="processing",
        done="completed",
        failed="failed",
        cancelled="cancelled",
        retrying="retrying",
    )

    status = models.CharField(max_length=20, default="queued", db_default="queued")
    payload: models.JSONField[Any, Any] = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField())
    )
    user_id = models.UUIDField(null=True)

    class Meta(Job.Meta):
        abstract = True


class Chore(BenchJob):
    """A job that does nothing, in a table that holds nothing else."""

    class Meta(BenchJob.Meta):
        db_table = "bench_chores"


class FullChore(BenchJob):
    """A job that does nothing, in a table full of finished ones."""

    class Meta(BenchJob.Meta):
        db_table = "bench_chores_full"


class Call(BenchJob):
    """A job that notes when it began."""

    class Meta(BenchJob.Meta):
        db_table = "bench_calls"


class Plain(BenchJob):
    """The columns of a job without a queue: no trigger, no index but the primary key's."""

    rows: ClassVar[models.Manager[Plain]] = models.Manager()

    class Meta(BenchJob.Meta):
        db_table = "bench_plain"
