"""Nobody changes people unseen; what each person did, in one view."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_rules"), ("audit", "0002_capture")]
    operations = [run_sql_files(__file__)]
