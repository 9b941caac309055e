"""``manage.py create_roles``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import psycopg
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from psycopg import sql

from config.commands import OpsCommand
from database import roles
from database.connections import as_admin, own_connection


class Command(OpsCommand):
    """Run once for a server, and after an upgrade that says so; harmless to repeat."""

    help = (
        "Create Lacuna's database roles, and let the configured logins act as them. Uses"
        " DATABASE_OWNER_URL (else DATABASE_URL), which must be a superuser's for this."
    )
    example = "create_roles --dry-run"
    exclusive: ClassVar[bool] = False  # the lock would need a role that is not there yet
    records: ClassVar[bool] = False  # nor is the log
    requires_system_checks = []

    def run(self, **options: Any) -> dict[str, Any]:
        with as_admin(connection):
            try:
                with own_connection() as admin:
                    return _create(admin, dry_run=options["dry_run"])
            except psycopg.errors.InsufficientPrivilege as error:
                raise CommandError(
                    f"The login may not create roles ({error.diag.message_primary}). Set"
                    " DATABASE_OWNER_URL to a superuser's address for this one command."
                ) from None
            except psycopg.OperationalError as error:
                raise CommandError(f"The server cannot be reached: {error}") from None

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would add" if outcome["dry_run"] else "Added"
        if outcome["added"]:
            yield f"{verb} {', '.join(outcome['added'])}."
        else:
            yield "Every role exists already, with its rights."
        if outcome["owner_changed"]:
            yield f"The database {outcome['database']} belongs to {roles.OWNER}."


def _create(admin: psycopg.Connection[Any], *, dry_run: bool) -> dict[str, Any]:
    database = admin.info.dbname
    row = admin.execute(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    owner = row[0] if row else ""
    outcome = {
        "added": roles.missing(admin),
        "database": database,
        "owner_changed": owner != roles.OWNER,
        "dry_run": dry_run,
    }
    if dry_run:
        return outcome
    roles.ensure_roles(admin)
    logins = {settings.DATABASES["default"].get("USER"), admin.info.user}
    for login in sorted(login for login in logins if login and login not in roles.ROLES):
        roles.let_login_become(admin, login)
    if outcome["owner_changed"]:
        admin.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                sql.Identifier(database), sql.Identifier(roles.OWNER)
            )
        )
    return outcome
