"""The queue of recurring runs, and the rules of its rows."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_schedule")]
    operations = [run_sql_files(__file__)]
