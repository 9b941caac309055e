"""What the audit log watches."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("annotations", "0005_row_security")]
    operations = [run_sql_files(__file__)]
