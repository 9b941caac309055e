"""A queue of processes with every state, one of threads without ``retrying``, one of coroutines."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from jobs.models import Job, States


class Errand(Job):
    """Runs in a process; ``payload["do"]`` names what the handler does."""

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
    due_on = models.DateField(null=True)

    class Meta(Job.Meta):
        db_table = "test_errands"


class Parcel(Job):
    """Runs in a thread; a retry waits as ``pending``."""

    states: ClassVar[States] = States(
        ready="pending",
        running="processing",
        done="completed",
        failed="failed",
        cancelled="cancelled",
    )

    status = models.CharField(max_length=20, default="pending", db_default="pending")
    payload: models.JSONField[Any, Any] = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField())
    )
    due_on = models.DateField(null=True)

    class Meta(Job.Meta):
        db_table = "test_parcels"


class Telegram(Job):
    """Runs as a coroutine, a hundred at once; ``payload["do"]`` names what the handler does."""

    states: ClassVar[States] = Errand.states

    status = models.CharField(max_length=20, default="queued", db_default="queued")
    payload: models.JSONField[Any, Any] = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField())
    )
    user_id = models.UUIDField(null=True)
    due_on = models.DateField(null=True)

    class Meta(Job.Meta):
        db_table = "test_telegrams"


class Receipt(models.Model):
    """What a handler wrote while it held its job: one for each completed run."""

    job_id = models.UUIDField()
    attempt = models.IntegerField()
    written_at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=64, default="")
    pid = models.IntegerField(default=0)

    class Meta:
        db_table = "test_receipts"

    def __str__(self) -> str:
        return f"receipt {self.job_id}"
