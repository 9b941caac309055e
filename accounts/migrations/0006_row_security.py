"""Whose the rows are: of people and their access, of the engine, of settings."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_access_rules"),
        ("jobs", "0008_lines_are_everybodys"),
        ("database", "0004_row_security"),
    ]
    operations = [run_sql_files(__file__)]
