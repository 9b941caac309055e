"""``manage.py migrate`` as Django has it, as the owner role, and with a history."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.exceptions import MigrationSchemaMissing

from database import grants, roles
from database.connections import as_owner, own_connection
from database.last_batch import LastBatch, NothingToTakeBack, last_batch
from database.migration_history import MIGRATE_LOCK, Recorder


class Command(migrate.Command):
    """Stock migrate that acts as the owner and remembers each step, its time and its error."""

    _recorder: Recorder | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        """Django's, and the way back."""
        super().add_arguments(parser)
        parser.add_argument(
            "--down",
            action="store_true",
            help="take back the migrations that the last migrate applied; with --plan, name them",
        )

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
        if options.get("down"):
            self._go_down(connection, **options)
            return
        if options.get("plan") or options.get("check_unapplied"):
            with as_owner(connection):
                super().handle(*args, **options)
            return
        with self._recording(connection):
            try:
                super().handle(*args, **options)
                grants.apply(connection)
            except MigrationSchemaMissing as error:
                raise CommandError(
                    f"{roles.OWNER} may not create tables in the database"
                    f" {connection.settings_dict['NAME']}. Run: python manage.py create_roles"
                ) from error

    def _go_down(self, connection: Any, **options: Any) -> None:
        """Take the last batch back, app by app; as one batch of the history."""
        if options.get("app_label"):
            raise CommandError("--down takes a whole batch back: name no app with it.")
        try:
            if options.get("plan"):
                with as_owner(connection):
                    self._tell(last_batch(connection), "Would take back")
                return
            with self._recording(connection):
                found = last_batch(connection)
                self._tell(found, "Takes back")
                self._demand_consent(options)
                for app, name in found.targets:
                    target = {"app_label": app, "migration_name": name or "zero"}
                    super().handle(**options | target)
                grants.apply(connection)
        except NothingToTakeBack as error:
            raise CommandError(str(error)) from None

    def _tell(self, found: LastBatch, verb: str) -> None:
        self.stdout.write(f"{verb} batch {found.number}, {len(found.migrations)} migrations:")
        for key in found.migrations:
            self.stdout.write(f"  {'.'.join(key)}")

    def _demand_consent(self, options: dict[str, Any]) -> None:
        """What a migration has made goes with all that is in it."""
        if not options.get("interactive"):
            return
        if not sys.stdin.isatty():
            raise CommandError(
                "Tables and columns that these migrations made go with all that is in them. Back"
                " the database up, then say --no-input."
            )
        asked = "Tables and columns that they made go with all that is in them. Type yes: "
        if input(asked).strip().lower() != "yes":
            raise CommandError("Nothing was changed.")

    @contextmanager
    def _recording(self, connection: Any) -> Iterator[None]:
        """As the owner, when no other process migrates, with each step in the history."""
        with as_owner(connection), own_connection(connection.alias) as lock:
            self._wait_for_turn(lock)
            lacking = roles.missing(lock)
            if lacking:
                raise CommandError(
                    f"The server lacks {' and '.join(lacking)}. Run: python manage.py create_roles"
                )
            self._recorder = Recorder(lambda: own_connection(connection.alias))
            try:
                yield
            except Exception as error:
                self._recorder.failed(error)
                raise

    def _wait_for_turn(self, lock: psycopg.Connection[Any]) -> None:
        """Hold the lock until the connection ends, however this process ends."""
        free = lock.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATE_LOCK]).fetchone()
        if not (free and free[0]):
            self.stderr.write("Another process is migrating this database; waiting for it.")
            lock.execute("SELECT pg_advisory_lock(%s)", [MIGRATE_LOCK])
