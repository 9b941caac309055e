"""Money, the breaker, whose the rows are, and the audit log's guards."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0002_the_four"),
        ("accounts", "0006_row_security"),
        ("audit", "0002_capture"),
    ]
    operations = [run_sql_files(__file__)]
