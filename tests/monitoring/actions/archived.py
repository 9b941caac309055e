"""Analyses of long ago in a file, and what the tables had before."""

from __future__ import annotations

from django.db import connection

from monitoring.actions import archiving
from monitoring.models import AnalysisArchive


def everything(table: str) -> list[str]:
    """All rows of a table, each as PostgreSQL writes it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")
        return [row for (row,) in cursor.fetchall()]


def archived() -> AnalysisArchive:
    """The one file that is due."""
    (portion,) = archiving.due(archiving.limit())
    return archiving.archive(portion)
