"""The providers there are."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("providers", "0001_tables"), ("database", "0002_tables")]
    operations = [run_sql_files(__file__)]
