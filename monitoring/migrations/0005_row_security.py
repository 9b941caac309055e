"""Whose the rows of monitoring are, and what the audit log notices."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0004_views"),
        ("accounts", "0006_row_security"),
        ("jobs", "0007_audit_guards"),
    ]
    operations = [run_sql_files(__file__)]
