"""Whoever joins a line learns its place without seeing the others."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("jobs", "0007_audit_guards")]
    operations = [run_sql_files(__file__)]
