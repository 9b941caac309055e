"""An installation for benchmarks that need a database: private server, migrated, emptied."""

from __future__ import annotations

import os
from pathlib import Path

import django


def connect() -> None:
    """Set Django up on a private server of the benchmarks' own."""
    root = Path(__file__).resolve().parents[2]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["LACUNA_HOME"] = str(root / ".lacuna" / "bench")
    os.environ["LOG_LEVEL"] = "ERROR"
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DB_NAME"):
        os.environ.pop(name, None)
    django.setup()


def prepare() -> None:
    """Set Django up, with every table made and empty."""
    connect()
    from django.core.management import call_command
    from django.db import connection

    from database.connections import as_admin

    call_command("migrate", verbosity=0)
    with as_admin(connection), connection.cursor() as cursor:
        # Past the triggers: some tables may not be emptied by anybody else.
        cursor.execute("SET session_replication_role = replica; TRUNCATE users CASCADE")


def server_version() -> str:
    """The server's version."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"
