"""Samples that were placed on a map: in blocks, and packed when they are old."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from database.fields import CreatedAtField, KeyField


class MonitorBlock(models.Model):
    """Samples of one analysis, in the order in which they were handed in.

    Each array has an entry for each of ``row_count`` samples: ``monitor_values`` (row_count,
    features) the numbers of the file, ``x_values`` and ``y_values`` map units rounded to 1e-6,
    ``scores`` in the units of the map's score, ``p_values``, ``severities`` 0 (none) to 4
    (critical), ``off_map``. ``process_order`` is the number of the first sample on its map, from 1;
    ``first_row`` its row in the file. ``metadata`` as in ``FeatureBlock``.

    Partitioned by month on ``created_at``; nobody changes a row, and none goes unless
    ``monitor_data_archive`` has its samples (``keep_monitor_data()``). The view ``monitor_samples``
    shows one row for each sample, packed or not. Samples that were brought from elsewhere may have
    no scores.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")
    audit_noun: ClassVar[str] = "monitor_data"

    id = KeyField()
    dinsight = models.ForeignKey(
        "monitoring.BaselineMap", on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    monitor_values = ArrayField(ArrayField(models.FloatField()))
    x_values = ArrayField(models.FloatField())
    y_values = ArrayField(models.FloatField())
    metadata = models.JSONField(null=True, blank=True)
    process_order = models.IntegerField()
    created_at = CreatedAtField()

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="owner",
    )
    # The analysis may have gone to the archive since.
    analysis_id = models.UUIDField(null=True, blank=True)
    first_row = models.IntegerField(null=True, blank=True)
    row_count = models.IntegerField()
    scores = ArrayField(models.FloatField(), null=True)
    p_values = ArrayField(models.FloatField(), null=True)
    severities = ArrayField(models.SmallIntegerField(), null=True)
    off_map = ArrayField(models.BooleanField(), null=True)

    class Meta:
        db_table = "monitor_data"
        verbose_name = "block of samples"
        verbose_name_plural = "blocks of samples"

    def __str__(self) -> str:
        return f"samples {self.process_order} to {self.process_order + self.row_count - 1}"


class PackedBlock(models.Model):
    """A block of samples that is older than half a year, packed without losing a bit.

    A feature of which every number is ``(base + whole number) / 10^exponent`` to the last bit
    stands in ``shorts`` or ``wholes`` (features, row_count), the others in ``floats``. For each
    feature ``kinds`` (2, 4 or 8 bytes) and ``slots`` (from 1) say where it stands, ``exponents``
    and ``bases`` how it is read. ``x_micros`` and ``y_micros`` are millionths of a map unit; a
    p-value is ``ranks / rank_of``. The rest is as in ``MonitorBlock``. Written by the system alone.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")
    audit_noun: ClassVar[str] = "monitor_data"

    id = KeyField()
    dinsight = models.ForeignKey(
        "monitoring.BaselineMap", on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="owner",
    )
    analysis_id = models.UUIDField(null=True, blank=True)
    process_order = models.IntegerField()
    first_row = models.IntegerField(null=True, blank=True)
    row_count = models.IntegerField()
    metadata = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField()
    packed_at = CreatedAtField()
    x_micros = ArrayField(models.IntegerField())
    y_micros = ArrayField(models.IntegerField())
    scores = ArrayField(models.FloatField(), null=True)
    ranks = ArrayField(models.IntegerField(), null=True)
    rank_of = models.IntegerField(null=True)
    severities = ArrayField(models.SmallIntegerField(), null=True)
    off_map = ArrayField(models.BooleanField(), null=True)
    kinds = ArrayField(models.SmallIntegerField())
    slots = ArrayField(models.IntegerField())
    exponents = ArrayField(models.SmallIntegerField())
    bases = ArrayField(models.BigIntegerField())
    shorts = ArrayField(ArrayField(models.SmallIntegerField()))
    wholes = ArrayField(ArrayField(models.IntegerField()))
    floats = ArrayField(ArrayField(models.FloatField()))

    class Meta:
        db_table = "monitor_data_archive"
        verbose_name = "packed block of samples"
        verbose_name_plural = "packed blocks of samples"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="monitor_data_archive_dinsight_id_process_order_key",
                fields=["dinsight", "process_order"],
            ),
        ]

    def __str__(self) -> str:
        return f"samples {self.process_order} to {self.process_order + self.row_count - 1}"
