"""Fair lines, and what wakes the workers when a queue is resumed."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_engine_tables"), ("database", "0003_partitions_and_triggers")]
    operations = [run_sql_files(__file__)]
