"""The fair line, and jobs that must have begun by a certain moment."""

from django.db import migrations, models

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [
        ("imaging", "0004_views"),
        ("jobs", "0004_engine"),
    ]

    operations = [
        migrations.AddField(
            model_name="processingjob",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="not after"),
        ),
        migrations.AddField(
            model_name="processingjob",
            name="turn",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        run_sql_files(__file__),
    ]
