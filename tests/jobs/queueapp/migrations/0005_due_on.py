"""A column of the domain's own: what stands in it is not the engine's to check."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("queueapp", "0004_telegram")]
    operations: ClassVar = [
        migrations.AddField(model, "due_on", models.DateField(null=True))
        for model in ("errand", "parcel", "telegram")
    ]
