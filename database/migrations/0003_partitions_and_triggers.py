"""Partitions by month, and the trigger of system_settings."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("database", "0002_tables")]
    operations = [run_sql_files(__file__)]
