"""Maps of healthy machines, and the features that they were made of."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import DEFAULT_DB_ALIAS, models, transaction

from database.fields import CreatedAtField, KeyField
from monitoring import arrays
from monitoring.maps import VERSION, Baseline, Unusable
from monitoring.scoring import Detector

_NO_LIST = models.Value([], models.JSONField())
_BYTES = "SELECT baseline, detector FROM dinsight_data WHERE id = %s"


class BaselineMap(models.Model):
    """The map of one file under one version of the parameters; made once, never changed.

    ``x_values`` and ``y_values`` (row_count): where each healthy row lies, map units, rounded to
    1e-6. ``baseline`` and ``detector`` are what placing and judging need, as their ``to_bytes``
    wrote them, each with its SHA-256. ``features`` are the columns' names in order; ``constant``
    those that never changed. ``stress``, ``trustworthiness`` and ``correlation``: see
    ``monitoring.maps.Quality``. ``calibrated`` says how the healthy rows were scored, and
    ``calibration_count`` how many scores there are. ``dialect`` is how the file was read.

    A map that was brought from elsewhere may have its places alone; it shows, but takes no samples.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")
    audit_noun: ClassVar[str] = "baseline_map"

    id = KeyField()
    file_upload = models.ForeignKey(
        "ingestion.FileUpload", on_delete=models.RESTRICT, related_name="maps", db_index=False
    )
    config = models.ForeignKey(
        "monitoring.MapConfig", on_delete=models.RESTRICT, related_name="maps", db_index=False
    )
    x_values = ArrayField(models.FloatField())
    y_values = ArrayField(models.FloatField())
    created_at = CreatedAtField()

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="owner",
    )
    baseline = models.BinaryField(null=True)
    baseline_sha256 = models.CharField(max_length=64, null=True)
    detector = models.BinaryField(null=True)
    detector_sha256 = models.CharField(max_length=64, null=True)
    version = models.CharField(max_length=50, default=VERSION, db_default=VERSION)
    row_count = models.IntegerField("rows")
    anchor_count = models.IntegerField("anchors", null=True)
    features = models.JSONField(default=list, db_default=_NO_LIST)
    constant = models.JSONField(default=list, db_default=_NO_LIST)
    dialect = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    cost = models.FloatField(null=True)
    iterations = models.IntegerField("steps", null=True)
    stop_reason = models.CharField(max_length=50, null=True)
    stress = models.FloatField(null=True)
    trustworthiness = models.FloatField(null=True)
    correlation = models.FloatField(null=True)
    quality_rows = models.IntegerField(null=True)
    calibrated = models.CharField(max_length=20, null=True)
    calibration_count = models.IntegerField(null=True)
    warnings = models.JSONField(default=list, db_default=_NO_LIST)

    class Meta:
        db_table = "dinsight_data"
        verbose_name = "map"
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="dinsight_data_counts_check",
                condition=models.Q(
                    row_count__gte=0,
                )
                & models.Q(
                    models.Q(anchor_count__isnull=True)
                    | models.Q(
                        anchor_count__gte=3,
                        anchor_count__lte=models.F("row_count"),
                        iterations__gte=0,
                        calibration_count__gte=1,
                    )
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"map of {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def takes_samples(self) -> bool:
        """Whether it has what placing and judging need."""
        return self.baseline_sha256 is not None

    def loaded(self) -> tuple[Baseline, Detector]:
        """What placing and judging need; Unusable if the stored bytes are damaged.

        Bytes that were deferred are fetched as they are: written as text they are twice as many.
        """
        baseline, detector = self._bytes()
        if baseline is None or detector is None:
            raise Unusable("This map has its places alone; make one anew to place samples.")
        return Baseline.from_bytes(bytes(baseline)), Detector.from_bytes(bytes(detector))

    def _bytes(self) -> tuple[Any, Any]:
        if not {"baseline", "detector"} <= self.get_deferred_fields():
            return self.baseline, self.detector
        alias = self._state.db or DEFAULT_DB_ALIAS
        with transaction.atomic(using=alias):
            rows = arrays.fetch(_BYTES, [self.pk], using=alias)
        return rows[0] if rows else (None, None)


class FeatureBlock(models.Model):
    """Rows of a file that a map was made of, in order: ``row_start`` (from 1) and ``row_count``.

    ``feature_values`` (row_count, features): the numbers as they stand in the file. ``metadata``:
    ``{"columns": [...], "rows": [[...], ...]}`` with the texts of the columns before the features.
    ``source_key`` tells apart what was read from one file with other columns or another dialect.
    The view ``feature_rows`` has a row for each, ``feature_row(file, row)`` gives one.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")
    audit_noun: ClassVar[str] = "feature_block"

    id = KeyField()
    # The application deletes none: they go with their file, which the database sees to.
    file_upload = models.ForeignKey(
        "ingestion.FileUpload", on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    feature_values = ArrayField(ArrayField(models.FloatField()))
    metadata = models.JSONField(null=True, blank=True)
    created_at = CreatedAtField()

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="owner",
    )
    source_key = models.CharField(max_length=64, default="", db_default="")
    row_start = models.IntegerField()
    row_count = models.IntegerField()

    class Meta:
        db_table = "feature_data"
        verbose_name = "block of features"
        verbose_name_plural = "blocks of features"
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="feature_data_rows_check",
                condition=models.Q(row_start__gte=1, row_count__gte=1),
            ),
            models.UniqueConstraint(
                name="feature_data_file_source_row_key",
                fields=["file_upload", "source_key", "row_start"],
            ),
        ]

    def __str__(self) -> str:
        return f"rows {self.row_start} to {self.row_start + self.row_count - 1}"
