"""What the table of people enforces by itself."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_users")]
    operations = [run_sql_files(__file__)]
