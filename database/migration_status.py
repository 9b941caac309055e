"""How every migration stands: what files and database say, and whether they agree."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from database.migration_history import checksum
from database.models import MigrationRun, MigrationStatus


class State(StrEnum):
    """How one migration stands."""

    APPLIED = "applied"
    PENDING = "pending"
    MISSING = "missing file"  # applied, but its file is gone
    EDITED = "edited"  # applied, but its file or SQL changed since
    INTERRUPTED = "interrupted"  # begun by a process that was killed; rolled back


def report(using: str = DEFAULT_DB_ALIAS) -> dict[str, Any]:
    """Every migration with its state, when it was applied and how long it took.

    ``valid`` is true when all are applied, present and unedited. A migration applied before its
    checksum was recorded counts as unedited.
    """
    connection = connections[using]
    loader = MigrationLoader(connection, ignore_no_migrations=True)
    applied = MigrationRecorder(connection).applied_migrations()
    runs = _latest_runs(connection.introspection.table_names())
    rows = []
    for key in sorted({*loader.disk_migrations, *applied}):
        name = ".".join(key)
        run = runs.get(name)
        migration = loader.disk_migrations.get(key)
        state = State.APPLIED
        if migration is None:
            state = State.MISSING
        elif key not in applied:
            interrupted = run and run["status"] == MigrationStatus.RUNNING
            state = State.INTERRUPTED if interrupted else State.PENDING
        elif run and run["checksum"] and run["checksum"] != checksum(migration):
            state = State.EDITED
        rows.append(
            {
                "name": name,
                "state": state,
                "applied_at": applied[key].applied if key in applied else None,
                "duration_ms": run["duration_ms"] if run and key in applied else None,
                "batch": run["batch"] if run and key in applied else None,
            }
        )
    counts = Counter(str(row["state"]) for row in rows)
    return {
        "migrations": rows,
        "counts": dict(counts),
        "valid": set(counts) <= {State.APPLIED},
    }


def history(limit: int) -> list[dict[str, Any]]:
    """The last runs, newest first."""
    fields = ("name", "status", "batch", "duration_ms", "error_message")
    runs = MigrationRun.objects.order_by("-started_at", "-id")
    return [dict(run) for run in runs.values(*fields, "started_at", "completed_at")[:limit]]


def _latest_runs(tables: list[str]) -> dict[str, dict[str, Any]]:
    """For each migration the run that says most: its last success, else its last run."""
    if MigrationRun._meta.db_table not in tables:
        return {}
    latest: dict[str, dict[str, Any]] = {}
    fields = ("name", "status", "batch", "duration_ms", "checksum")
    for run in MigrationRun.objects.order_by("started_at", "id").values(*fields).iterator():
        latest[run["name"]] = run
    return latest
