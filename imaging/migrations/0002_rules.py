"""Triggers, functions, checks and ON DELETE actions of the tables of images."""

from django.db import migrations

from database.sqlfiles import on_delete, run_sql_files


class Migration(migrations.Migration):
    dependencies = [("imaging", "0001_tables"), ("jobs", "0002_queues")]
    operations = [
        on_delete("images", "user_id", "RESTRICT"),
        on_delete("images", "duplicate_of_id", "SET NULL"),
        on_delete("analysis_results", "image_id", "CASCADE"),
        on_delete("analysis_results", "user_id", "RESTRICT"),
        on_delete("analysis_results_history", "image_id", "CASCADE"),
        on_delete("analysis_results_history", "user_id", "RESTRICT"),
        on_delete("processing_queue", "image_id", "CASCADE"),
        on_delete("processing_queue", "user_id", "RESTRICT"),
        on_delete("analysis_cache", "image_id", "CASCADE"),
        on_delete("analysis_cache", "analysis_id", "SET NULL"),
        run_sql_files(__file__),
    ]
