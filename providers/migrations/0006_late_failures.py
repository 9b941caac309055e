"""A failure that ends while the breaker is open makes no pause longer."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("providers", "0005_stopped_rules")]
    operations = [run_sql_files(__file__)]
