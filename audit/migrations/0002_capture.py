"""What writes entries beside the application, and the views under their documented names."""

from django.db import migrations, models

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_log")]
    operations = [
        run_sql_files(__file__),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("entry_id", models.UUIDField(primary_key=True, serialize=False)),
                ("id", models.BigIntegerField(verbose_name="number")),
                ("created_at", models.DateTimeField(verbose_name="when")),
                ("actor_id", models.UUIDField(null=True, verbose_name="who")),
                ("action", models.TextField()),
                ("resource_type", models.TextField(null=True)),
                ("resource_id", models.TextField(null=True)),
                (
                    "outcome",
                    models.TextField(
                        choices=[
                            ("success", "success"),
                            ("failure", "failure"),
                            ("partial", "partial"),
                        ]
                    ),
                ),
                ("duration_ms", models.IntegerField(null=True, verbose_name="duration (ms)")),
                ("ip_address", models.GenericIPAddressField(null=True, verbose_name="address")),
                ("user_agent", models.TextField(null=True, verbose_name="browser")),
                ("source", models.TextField(null=True)),
                ("request_id", models.TextField(null=True)),
                ("job_id", models.TextField(null=True)),
                ("changes_before", models.JSONField(null=True)),
                ("changes_after", models.JSONField(null=True)),
                ("details", models.JSONField(null=True)),
                ("error_message", models.TextField(null=True)),
                ("payload", models.TextField()),
                ("personal", models.BinaryField(null=True)),
                ("leaf", models.BinaryField()),
                ("xid", models.BigIntegerField()),
                ("prev_hash", models.BinaryField(null=True)),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit entries",
                "db_table": "audit_log",
                "managed": False,
            },
        ),
    ]
