"""Whoever makes dumps reads the months' partitions, each of which a dump names."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("database", "0004_row_security")]
    operations = [run_sql_files(__file__)]
