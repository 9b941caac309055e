"""What a provider's confidence has meant so far."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from database.fields import CreatedAtField, KeyField


class ConfidenceCalibration(models.Model):
    """An isotonic curve from stated confidence to the share that people approved.

    ``points`` is a JSON array of ``[confidence, calibrated]``, both ascending; between two of them
    it is linear. ECE over 15 bins of equal mass and the Brier score are of decisions on which the
    curve was not fitted.
    """

    audit_noun: ClassVar[str] = "calibration"

    id = KeyField()
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=120, blank=True, default="", db_default="")
    sample_count = models.IntegerField()
    points = models.JSONField()
    ece_before = models.DecimalField(max_digits=6, decimal_places=5)
    ece_after = models.DecimalField(max_digits=6, decimal_places=5)
    brier_before = models.DecimalField(max_digits=6, decimal_places=5)
    brier_after = models.DecimalField(max_digits=6, decimal_places=5)
    is_active = models.BooleanField(default=True, db_default=True)
    created_at = CreatedAtField()

    class Meta:
        db_table = "confidence_calibrations"
        verbose_name = "calibration"
        constraints = [
            models.UniqueConstraint(
                name="confidence_calibrations_active_key",
                fields=["provider", "model"],
                condition=models.Q(is_active=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model}, {self.sample_count} decisions"
