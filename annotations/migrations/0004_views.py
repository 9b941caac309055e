"""Reports, and figures of the cache by day."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("annotations", "0003_indexes")]
    operations = [run_sql_files(__file__)]
