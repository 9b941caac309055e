"""Whose the rows are."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("annotations", "0004_views")]
    operations = [run_sql_files(__file__)]
