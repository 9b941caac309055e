"""The processes that work on the queues."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from database.fields import KeyField


class Worker(models.Model):
    """One run of ``manage.py run_worker``.

    ``last_seen_at`` is its heartbeat: the one row that every lease of the worker hangs on. It has
    no index, so that a beat changes nothing but the row (a HOT update).
    """

    id = KeyField()
    # host:pid:… - unique, since a container starts every worker as process 1. Jobs carry it as
    # worker_id.
    name = models.CharField(max_length=255, unique=True)
    hostname = models.CharField(max_length=255)
    pid = models.IntegerField("process id")
    queues = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    concurrency = models.IntegerField(default=1, db_default=1)
    # Jobs in hand at the last beat, and whether it hears of new jobs at once or has to poll.
    busy = models.IntegerField(default=0, db_default=0)
    listens = models.BooleanField(default=True, db_default=True)
    started_at = models.DateTimeField(default=timezone.now, db_default=Now())
    last_seen_at = models.DateTimeField(default=timezone.now, db_default=Now())
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "job_workers"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="job_workers_concurrency_check",
                condition=models.Q(concurrency__gte=1),
            )
        ]

    def __str__(self) -> str:
        return self.name
