"""Whoever a stopped key belongs to cannot start it again."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("providers", "0004_stopped_keys")]
    operations = [run_sql_files(__file__)]
