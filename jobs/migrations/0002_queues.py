"""What makes a table a queue: indexes, storage, notifications."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_tables")]
    operations = [run_sql_files(__file__)]
