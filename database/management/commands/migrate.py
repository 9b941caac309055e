"""``manage.py migrate`` as Django has it, as the owner role, and with a history."""

from __future__ import annotations

from typing import Any

import psycopg
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.exceptions import MigrationSchemaMissing

from database import grants, roles
from database.connections import as_owner, own_connection
from database.migration_history import MIGRATE_LOCK, Recorder


class Command(migrate.Command):
    """Stock migrate that acts as the owner and remembers each step, its time and its error."""

    _recorder: Recorder | None = None

    def migration_progress_callback(
        self, action: str, migration: Migration | None = None, fake: bool = False
    ) -> None:
        """Django calls this around each migration."""
        super().migration_progress_callback(action, migration, fake)
        if self._recorder is None or migration is None:
            return
        if action in {"apply_start", "unapply_start"}:
            self._recorder.started(migration, forward=action == "apply_start")
        elif action in {"apply_success", "unapply_success"}:
            self._recorder.succeeded(migration, forward=action == "apply_success", fake=fake)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; a second ``migrate`` of the same database waits for its turn."""
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            raise CommandError("Lacuna runs on PostgreSQL only.")
        if options.get("plan") or options.get("check_unapplied"):
            with as_owner(connection):
                super().handle(*args, **options)
            return
        with as_owner(connection), own_connection(connection.alias) as lock:
            self._wait_for_turn(lock)
            lacking = roles.missing(lock)
            if lacking:
                raise CommandError(
                    f"The server lacks {' and '.join(lacking)}. Run: python manage.py create_roles"
                )
            self._recorder = Recorder(lambda: own_connection(connection.alias))
            try:
                super().handle(*args, **options)
                grants.apply(connection)
            except MigrationSchemaMissing as error:
                raise CommandError(
                    f"{roles.OWNER} may not create tables in the database"
                    f" {connection.settings_dict['NAME']}. Run: python manage.py create_roles"
                ) from error
            except Exception as error:
                self._recorder.failed(error)
                raise

    def _wait_for_turn(self, lock: psycopg.Connection[Any]) -> None:
        """Hold the lock until the connection ends, however this process ends."""
        free = lock.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATE_LOCK]).fetchone()
        if not (free and free[0]):
            self.stderr.write("Another process is migrating this database; waiting for it.")
            lock.execute("SELECT pg_advisory_lock(%s)", [MIGRATE_LOCK])
