"""The queue of deliveries, whose the rows are, and the audit log's guards."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0001_tables"),
        ("accounts", "0006_row_security"),
        ("jobs", "0007_audit_guards"),
    ]
    operations = [run_sql_files(__file__)]
