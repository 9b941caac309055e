"""Triggers, functions and checks of the tables of images."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("imaging", "0001_tables")]
    operations = [run_sql_files(__file__)]
