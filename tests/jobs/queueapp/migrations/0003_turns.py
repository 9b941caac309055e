"""The fair line, as a queue's own migration takes it up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("queueapp", "0002_queues"),
        ("jobs", "0004_engine"),
    ]

    operations = [
        migrations.AddField(
            model_name="errand",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="not after"),
        ),
        migrations.AddField(
            model_name="errand",
            name="turn",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="parcel",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="not after"),
        ),
        migrations.AddField(
            model_name="parcel",
            name="turn",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.RunSQL(
            "SELECT uninstall_queue('test_errands');"
            "SELECT install_queue('test_errands', 'queued', 'processing', 'retrying');"
            "SELECT uninstall_queue('test_parcels');"
            "SELECT install_queue('test_parcels', 'pending', 'processing')",
            "SELECT uninstall_queue('test_errands'); SELECT uninstall_queue('test_parcels')",
        ),
    ]
