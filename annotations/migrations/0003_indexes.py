"""Indexes under their documented names."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("annotations", "0002_rules")]
    operations = [run_sql_files(__file__)]
