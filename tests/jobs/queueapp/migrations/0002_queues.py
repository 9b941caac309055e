"""Makes queues of the two tables."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("queueapp", "0001_tables"), ("jobs", "0002_queues")]
    operations = [
        migrations.RunSQL(
            "SELECT install_queue('test_errands', 'queued', 'processing', 'retrying')",
            "SELECT uninstall_queue('test_errands')",
        ),
        migrations.RunSQL(
            "SELECT install_queue('test_parcels', 'pending', 'processing')",
            "SELECT uninstall_queue('test_parcels')",
        ),
    ]
