"""Nobody writes another's name, nor uses another's map."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0012_documented_names")]
    operations = [run_sql_files(__file__)]
