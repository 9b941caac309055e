"""What the tables enforce, whose the rows are, the queue of checks and the audit log's guards."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0001_tables"),
        ("accounts", "0006_row_security"),
        ("jobs", "0007_audit_guards"),
    ]
    operations = [run_sql_files(__file__)]
