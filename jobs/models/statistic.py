"""How many jobs ended, and how long they waited and ran: one row for each minute of a queue."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from database.fields import KeyField


class Statistic(models.Model):
    """What ended within one minute, or, without ``minute``, ever since.

    ``waits`` and ``runs`` count jobs by duration in the classes of ``jobs.durations``. Workers add
    to the rows every few seconds; what a killed worker had not yet added is missing here, and only
    here.
    """

    id = KeyField()
    table_name = models.CharField(max_length=63)
    minute = models.DateTimeField(null=True)
    done = models.BigIntegerField(default=0, db_default=0)
    failed = models.BigIntegerField(default=0, db_default=0)  # for good
    retried = models.BigIntegerField(default=0, db_default=0)
    cancelled = models.BigIntegerField(default=0, db_default=0)
    wait_seconds = models.FloatField(default=0.0, db_default=0.0)  # sums
    run_seconds = models.FloatField(default=0.0, db_default=0.0)
    waits = ArrayField(models.BigIntegerField())
    runs = ArrayField(models.BigIntegerField())

    class Meta:
        db_table = "job_statistics"
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="job_statistics_table_name_minute_key",
                fields=["table_name", "minute"],
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.table_name} {self.minute or 'ever'}"
