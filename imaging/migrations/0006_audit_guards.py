"""Nobody changes images, results or the queue unseen; an analysis that failed has its entry."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [
        ("imaging", "0005_turns"),
        ("jobs", "0007_audit_guards"),
        ("audit", "0002_capture"),
    ]
    operations = [run_sql_files(__file__)]
