"""Migrations whose SQL lies in files: ``<app>/sql/NNNN_name.up.sql`` and ``.down.sql``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation

Action = Literal["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"]


def run_sql_files(migration_file: str, state_operations: Sequence[Operation] = ()) -> RunSQL:
    """Run the migration's own pair of SQL files, forward and backward.

    ``migration_file`` is ``__file__``: ``migrations/0002_triggers.py`` runs
    ``sql/0002_triggers.up.sql``, its reverse ``sql/0002_triggers.down.sql``. The files are sent as
    they stand: neither ``%`` nor ``;`` has a meaning to Python. CREATE INDEX CONCURRENTLY needs a
    file, and a migration with ``atomic = False``, of its own.
    """
    up, down = sql_files(Path(migration_file))
    for file in (up, down):
        if not file.exists():
            raise FileNotFoundError(f"The migration {migration_file} needs {file}.")
    # A list of one (text, None) pair: no splitting into statements, no interpolation.
    return RunSQL(
        [(up.read_text(encoding="utf-8"), None)],
        [(down.read_text(encoding="utf-8"), None)],
        state_operations=list(state_operations),
    )


def sql_files(migration_file: Path) -> tuple[Path, Path]:
    """Where a migration's SQL files would lie, forward and backward."""
    base = migration_file.parent.parent / "sql" / migration_file.stem
    return base.with_name(base.name + ".up.sql"), base.with_name(base.name + ".down.sql")


def on_delete(table: str, column: str, action: Action) -> RunSQL:
    """Give the foreign key on ``table.column`` its ON DELETE action in the database too.

    Django writes none; without it a row deleted in plain SQL would behave differently from one
    deleted in Python.
    """
    return RunSQL(
        [("SELECT set_on_delete(%s::regclass, %s, %s)", [table, column, action])],
        [("SELECT set_on_delete(%s::regclass, %s, 'NO ACTION')", [table, column])],
    )
