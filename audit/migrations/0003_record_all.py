"""Entries for many rows at once."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_capture")]
    operations = [run_sql_files(__file__)]
