"""Keys, the acting user, updated_at, ON DELETE: what every later table uses."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [run_sql_files(__file__)]
