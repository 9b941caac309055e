"""Roles in the database, the ends of sessions, counting of requests, and the audit log's guards."""

from django.db import migrations

from database.sqlfiles import run_sql_files


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_access_tables"), ("sessions", "0001_initial")]
    operations = [run_sql_files(__file__)]
