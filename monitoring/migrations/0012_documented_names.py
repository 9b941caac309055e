"""The columns of alerts by the names that are documented."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from database.sqlfiles import run_sql_files

_LATER = {"null": True, "blank": True}


def _person(column: str, **options: Any) -> models.ForeignKey:
    return models.ForeignKey(
        db_column=column,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0011_alerting_rules")]
    operations = [
        run_sql_files(
            __file__,
            [
                migrations.AlterField("alertrule", "created_by", _person("created_by")),
                migrations.AlterField("alertsilence", "created_by", _person("created_by")),
                migrations.AlterField(
                    "alert",
                    "acknowledged_by",
                    _person("acknowledged_by", verbose_name="acknowledged by", **_LATER),
                ),
                migrations.AlterField(
                    "alert",
                    "resolved_by",
                    _person("resolved_by", verbose_name="resolved by", **_LATER),
                ),
            ],
        )
    ]
