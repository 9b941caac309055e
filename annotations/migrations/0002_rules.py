"""Rules of annotations, jobs and caches."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("annotations", "0001_tables"), ("imaging", "0007_row_security")]
    operations = [run_sql_files(__file__)]
