"""A clock that is set back shuts nobody out; the documented index of addresses."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_row_security")]
    operations = [run_sql_files(__file__)]
