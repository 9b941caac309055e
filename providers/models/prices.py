"""What providers ask for, and since when."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from database.fields import CreatedAtField, KeyField
from providers.models.provider import Provider


class ProviderPrice(models.Model):
    """The price of a model from a day on, until the next row of the same model.

    US dollars for a million tokens; ``per_image`` for each picture besides. A model without a
    price is not asked: nobody spends what nobody counts.
    """

    audit_noun: ClassVar[str] = "provider_price"

    id = KeyField()
    provider = models.ForeignKey(
        Provider, on_delete=models.CASCADE, related_name="prices", db_index=False
    )
    model = models.CharField(max_length=120)
    valid_from = models.DateField()
    input_per_million = models.DecimalField(max_digits=14, decimal_places=6)
    cached_input_per_million = models.DecimalField(
        max_digits=14, decimal_places=6, null=True, blank=True
    )
    output_per_million = models.DecimalField(max_digits=14, decimal_places=6)
    per_image = models.DecimalField(max_digits=14, decimal_places=6, default=0, db_default=0)
    source = models.CharField(max_length=120, blank=True, default="", db_default="")
    created_at = CreatedAtField()

    class Meta:
        db_table = "provider_prices"
        verbose_name = "price"
        constraints = [
            models.UniqueConstraint(
                name="provider_prices_provider_id_model_valid_from_key",
                fields=["provider", "model", "valid_from"],
            ),
            models.CheckConstraint(
                name="provider_prices_amounts_check",
                condition=models.Q(
                    input_per_million__gte=0, output_per_million__gte=0, per_image__gte=0
                )
                & (
                    models.Q(cached_input_per_million__isnull=True)
                    | models.Q(cached_input_per_million__gte=0)
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} from {self.valid_from}"
