"""What the tables of monitoring enforce, and the queue of analyses."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0002_monthly_tables"),
        ("ingestion", "0002_rules"),
        ("jobs", "0008_lines_are_everybodys"),
    ]
    operations = [run_sql_files(__file__)]
