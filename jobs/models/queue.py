"""What staff have decided about a queue, and how far its line has come."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from database.fields import CreatedAtField, KeyField, UpdatedAtField


class Queue(models.Model):
    """The switches of one queue. A queue without a row here is open and has no limit of its own.

    The rate is a bucket: it holds up to ``rate_limit`` jobs and fills up within ``rate_seconds``.
    A claim locks the row, takes what it may, and writes back what is left.
    """

    audit_noun: ClassVar[str] = "queue"
    audit_key: ClassVar[str] = "table_name"

    id = KeyField()
    table_name = models.CharField(max_length=63, unique=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=255, default="", db_default="", blank=True)
    pause_reason = models.TextField(default="", db_default="", blank=True)
    rate_limit = models.IntegerField("jobs at most", null=True, blank=True)
    rate_seconds = models.IntegerField("in seconds", default=60, db_default=60)
    tokens = models.FloatField(null=True, editable=False)
    tokens_at = models.DateTimeField(null=True, editable=False)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "job_queues"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="job_queues_rate_check",
                condition=models.Q(rate_limit=None) | models.Q(rate_limit__gte=1),
            ),
            models.CheckConstraint(
                name="job_queues_rate_seconds_check",
                condition=models.Q(rate_seconds__gte=1, rate_seconds__lte=86_400),
            ),
        ]

    def __str__(self) -> str:
        return self.table_name


class Line(models.Model):
    """The virtual time of a queue's line at one priority: the turn of what was claimed last.

    Somebody who comes new to the line gets the next turn, beside those who are served now.
    Workers move it forward a few times a second; it never goes back.
    """

    id = KeyField()
    table_name = models.CharField(max_length=63)
    priority = models.IntegerField()
    turn = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "job_lines"
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="job_lines_table_name_priority_key", fields=["table_name", "priority"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.table_name}, priority {self.priority}"
