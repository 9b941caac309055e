"""How a table says whose its rows are."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("database", "0003_partitions_and_triggers")]
    operations = [run_sql_files(__file__)]
