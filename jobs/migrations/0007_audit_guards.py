"""Nobody changes queues, the schedule or jobs unseen: what no action records, triggers do."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("jobs", "0006_schedule_rules"), ("audit", "0002_capture")]
    operations = [run_sql_files(__file__)]
