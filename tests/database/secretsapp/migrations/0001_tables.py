"""The tables of the tests."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

import database.encryption.fields
import database.fields


def key() -> database.fields.KeyField:
    return database.fields.KeyField(
        db_default=database.fields.NewKey(),
        default=database.fields.uuid7,
        editable=False,
        primary_key=True,
        serialize=False,
    )


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = [("database", "0001_functions")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Safe",
            fields=[
                ("id", key()),
                ("label", models.CharField(db_default="", default="", max_length=100)),
                ("code", database.encryption.fields.EncryptedField(null=True)),
                ("spare", database.encryption.fields.EncryptedField(null=True)),
                ("papers", database.encryption.fields.EncryptedJSONField(null=True)),
            ],
            options={"db_table": "test_safes"},
        ),
        migrations.CreateModel(
            name="OtherSafe",
            fields=[("id", key()), ("code", database.encryption.fields.EncryptedField())],
            options={"db_table": "test_other_safes"},
        ),
        migrations.CreateModel(
            name="NumberedSafe",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", database.encryption.fields.EncryptedField(null=True)),
            ],
            options={"db_table": "test_numbered_safes"},
        ),
        migrations.CreateModel(
            name="Drawer",
            fields=[
                (
                    "safe",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="secretsapp.safe",
                    ),
                ),
                (
                    "content",
                    database.encryption.fields.EncryptedField(
                        bound_to=("test_old_drawers", "text")
                    ),
                ),
            ],
            options={"db_table": "test_drawers"},
        ),
    ]
