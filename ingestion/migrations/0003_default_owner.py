"""A file that plain SQL adds belongs to whoever acts."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0002_rules"), ("database", "0004_row_security")]
    operations = [run_sql_files(__file__)]
