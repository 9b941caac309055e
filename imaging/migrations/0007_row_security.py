"""Images and results are the team's; who may write is a matter of the role."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("imaging", "0006_audit_guards"), ("accounts", "0006_row_security")]
    operations = [run_sql_files(__file__)]
