"""Features, samples and measurements, a row for each."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0003_rules")]
    operations = [run_sql_files(__file__)]
