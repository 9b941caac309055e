"""The database roles every installation has, and the statements that create them.

They are created by whoever sets the server up (the embedded server's first start, or
``manage.py create_roles``), never by a migration: roles belong to the whole cluster, and
migrations of several databases run side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString, cast

import psycopg
from psycopg import sql

OWNER: Final = "lacuna_owner"
APP: Final = "lacuna_app"
READONLY: Final = "lacuna_readonly"
AUDITOR: Final = "lacuna_auditor"
BACKUP: Final = "lacuna_backup"
SEALER: Final = "lacuna_sealer"
ADMIN: Final = "lacuna_admin"
SYSTEM: Final = "lacuna_system"

# What the application's login may become, one for each sight of rows; with the same privileges.
SIGHTS: Final = (APP, ADMIN, SYSTEM)

# What each role is for, and the attributes it is created with. NOINHERIT: a role that is later
# granted to the application must be taken on purpose (SET ROLE), never merely possessed.
ROLES: Final[dict[str, LiteralString]] = {
    OWNER: "NOSUPERUSER NOCREATEROLE NOBYPASSRLS LOGIN",  # migrates, owns every object
    APP: "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT LOGIN",  # runs the product
    READONLY: "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS LOGIN",  # reports
    AUDITOR: "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS LOGIN",  # reads the audit log
    BACKUP: "NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS LOGIN",  # dumps every row
    SEALER: "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS LOGIN",  # seals the audit log
    ADMIN: "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOLOGIN",  # the product, for an admin
    SYSTEM: "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOLOGIN",  # the product, for itself
}

# Who may become whom, and whether they have the other's rights without doing so.
MEMBERS: Final = (
    (APP, ADMIN, False),
    (APP, SYSTEM, False),
    (OWNER, BACKUP, False),  # materialized views are its own: a migration hands them over
    (SYSTEM, "pg_read_all_stats", True),  # who holds the horizon back, also of other logins
)

# Any constant will do; advisory locks are per database, so every caller connects to the same one.
_LOCK: Final = 0x6C6163756E61  # "lacuna"


def ensure_roles(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """Create the roles that are missing and return their names.

    ``connection`` is in autocommit mode, logged in with CREATEROLE (BYPASSRLS of the backup role
    needs a superuser). Safe to repeat, and safe to run at the same time from several databases:
    a role that another session creates in between counts as present.
    """
    created = []
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        present = {
            row[0]
            for row in connection.execute(
                "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)]
            )
        }
        for name, attributes in ROLES.items():
            if name in present:
                continue
            try:
                connection.execute(
                    sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(name), sql.SQL(attributes))
                )
                created.append(name)
            except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
                continue  # made from another database meanwhile: the lock is per database
        for member, role, inherit in MEMBERS:
            _allow(connection, member, (role,), inherit=inherit)
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    return created


def missing(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """What a server that an older version set up lacks, as phrases; one query, any login."""
    row = connection.execute(
        "SELECT (SELECT coalesce(array_agg(rolname::text), '{}') FROM pg_roles),"
        " (SELECT coalesce(array_agg(l.rolname || ' ' || r.rolname), '{}') FROM pg_auth_members m"
        " JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles l ON l.oid = m.member)"
    ).fetchone()
    present, members = cast("tuple[list[str], list[str]]", row)
    return [f"the role {name}" for name in ROLES if name not in present] + [
        f"the right of {member} to become {role}"
        for member, role, _ in MEMBERS
        if f"{member} {role}" not in members
    ]


def let_login_become(connection: psycopg.Connection[tuple[object, ...]], login: str) -> None:
    """Allow ``login`` to SET ROLE to owner and application, without inheriting from them."""
    _allow(connection, login, (OWNER, APP, READONLY, SEALER, ADMIN, SYSTEM))


def _allow(
    connection: psycopg.Connection[tuple[object, ...]],
    login: str,
    others: Sequence[str],
    *,
    inherit: bool = False,
) -> None:
    members = connection.execute(
        "SELECT r.rolname FROM pg_auth_members m"
        " JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles l ON l.oid = m.member"
        " WHERE l.rolname = %s",
        [login],
    ).fetchall()
    present = {row[0] for row in members}
    newer = connection.info.server_version >= 160000  # inheritance is fixed at the GRANT
    kept = sql.SQL("TRUE" if inherit else "FALSE")
    options = sql.SQL(" WITH INHERIT {}, SET TRUE").format(kept) if newer else sql.SQL("")
    for role in others:
        if role in present or role == login:
            continue
        connection.execute(
            sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(login)) + options
        )


def ensure_database(connection: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    """Create the database ``name``, owned by the owner role, unless it exists; True if created."""
    exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    if exists:
        return False
    try:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
                sql.Identifier(name), sql.Identifier(OWNER)
            )
        )
    except psycopg.errors.DuplicateDatabase:
        return False
    return True
