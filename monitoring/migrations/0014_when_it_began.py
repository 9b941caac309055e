"""Analyses that are stored whole count for their dataset, and what is pending says since when."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0013_own_names_and_maps")]
    operations = [run_sql_files(__file__)]
