"""Every table, every standing, every verb, with one's own row and another's: by plain SQL."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.apps import apps
from django.db import connection, transaction
from psycopg import sql

from database import roles
from database.actor import acting_as, acting_as_system
from tests.database.rows import world
from tests.database.rows.conftest import Intruder
from tests.database.rows.expectations import (
    LEFT_OUT,
    LEFT_OUT_SCHEMA,
    MATERIALIZED,
    NEVER,
    PEOPLE,
    TABLES,
    VERBS,
    Person,
    Verb,
    expected,
)

# What a rule of the table answers to somebody who may do it: the row was reached.
_RULES = (
    psycopg.errors.ForeignKeyViolation,
    psycopg.errors.RestrictViolation,
    psycopg.errors.CheckViolation,
)


def attempt(
    connection: world.Connection, table: str, verb: Verb, row: object, values: dict[str, Any]
) -> bool:
    """Whether the verb reached the row; RLS hides it (no row) or refuses (no privilege)."""
    name = sql.Identifier(table)
    match verb:
        case "select":
            statement = sql.SQL("SELECT FROM {} WHERE id = %s").format(name)
        case "update":
            statement = sql.SQL("UPDATE {} SET id = id WHERE id = %s").format(name)
        case "delete":
            statement = sql.SQL("DELETE FROM {} WHERE id = %s").format(name)
    try:
        if verb == "insert":
            return world.insert(connection, table, values) == 1
        return connection.execute(statement, [row]).rowcount == 1
    except psycopg.errors.InsufficientPrivilege:
        return False
    except _RULES:
        return True


# Of these everybody has one at most.
ONE_EACH = frozenset({"totp_devices", "user_quotas", "user_providers"})


def outcome(intruder: Intruder, table: str, verb: Verb, person: Person, *, own: bool) -> bool:
    row = intruder.world.row(table, person, own=own)
    with intruder.undone() as admin:
        if table in ONE_EACH and verb == "insert":
            admin.execute("SET session_replication_role = replica")
            admin.execute(f"DELETE FROM {table}")
            admin.execute("SET session_replication_role = origin")
        values = world.fresh(table, person, own=own) if verb == "insert" else {}
        with intruder.person(person) as connection:
            return attempt(connection, table, verb, row, values)


@pytest.mark.parametrize("table", TABLES)
def test_who_may_do_what_with_a_row(intruder: Intruder, table: str) -> None:
    """ASVS 8.2.2: nobody reaches the data of others (and 8.3.1: not decided in the browser)."""
    found: dict[tuple[str, str, str], bool] = {}
    wanted: dict[tuple[str, str, str], bool] = {}
    for person in PEOPLE:
        for verb in VERBS:
            for own in (True, False):
                if own and not person.role and table in world.OWNERS:
                    continue  # who is not known owns nothing
                case = (person.name, verb, "own" if own else "foreign")
                found[case] = outcome(intruder, table, verb, person, own=own)
                wanted[case] = expected(table, verb, person, own=own)

    assert {case: found[case] for case in found if found[case] != wanted[case]} == {}
    assert any(wanted.values())


def test_every_table_says_whose_it_is(intruder: Intruder) -> None:
    of_tests = {
        model._meta.db_table for model in apps.get_models() if model.__module__.startswith("tests.")
    }
    rows = intruder.connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname !~ '^pg_' AND NOT c.relispartition"
        " AND n.nspname <> 'information_schema'"
    ).fetchall()
    there = {name for schema, name in rows if schema != LEFT_OUT_SCHEMA} - of_tests

    assert {schema for schema, _ in rows} == {"public", LEFT_OUT_SCHEMA}
    assert there == {*TABLES, *LEFT_OUT, *MATERIALIZED}
    assert {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and '"' not in model._meta.db_table
    } - of_tests <= there


def test_nobody_passes_by_a_table_through_its_months(intruder: Intruder) -> None:
    """A partition has no policies of its own, so nobody but who makes dumps reads one by name."""
    months = intruder.connection.execute(
        "SELECT c.oid::regclass::text, a.grantee::regrole::text, a.privilege_type FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'"
        " LEFT JOIN LATERAL aclexplode(c.relacl) a ON a.grantee <> c.relowner"
        " WHERE c.relispartition AND c.relkind = 'r'"
    ).fetchall()

    assert {"anomalies", "monitor_data", "performance_metrics"} <= {
        table.rpartition("_20")[0] for table, _, _ in months
    }
    assert {(grantee, verb) for _, grantee, verb in months} == {(roles.BACKUP, "SELECT")}


@pytest.mark.parametrize("role", [roles.ADMIN, roles.SYSTEM, roles.OWNER])
def test_the_wide_roles_see_and_change_every_row(intruder: Intruder, role: str) -> None:
    stranger = Person("other", "analyst")
    wrong = []
    for table in TABLES:
        for verb in ("select", "update"):
            row = intruder.world.row(table, stranger, own=True)
            with intruder.role(role) as connection:
                reached = attempt(connection, table, verb, row, {})
            if reached != (role == roles.OWNER or verb not in NEVER.get(table, ())):
                wrong.append((table, verb))

    # What is history stays as it was, whoever asks.
    assert [case for case in wrong if case != ("analysis_results_history", "update")] == []


HIDDEN = {
    "users": {"password_hash"},
    "sessions": {"browser_key_hash"},
    "refresh_tokens": {"token_hash"},
    "totp_devices": {"secret"},
    "recovery_codes": {"code_hash"},
    "password_resets": {"token_hash"},
    "api_keys": {"key_hash"},
    "invitations": {"code_hash"},
    "providers": {"api_key"},
    "user_providers": {"api_key"},
    "webhook_endpoints": {"secret", "previous_secret"},
    "ai_annotation_jobs": {"sealed_payloads"},
    "vision_api_cache": {"sealed_response"},
    "datasets": {"sealed_metadata"},
}


@pytest.mark.parametrize("table", TABLES)
def test_reports_see_every_row_without_secrets_and_change_none(
    intruder: Intruder, table: str
) -> None:
    """ASVS 8.2.3: columns that are secret stay closed to a role that may read the rows."""
    columns = {
        name
        for (name,) in intruder.connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped",
            [table],
        )
    }
    shown = set()
    rows = intruder.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    for column in columns:
        with intruder.role(roles.READONLY) as connection:
            try:
                seen = connection.execute(f"SELECT count(*), count({column}) FROM {table}")
            except psycopg.errors.InsufficientPrivilege:
                continue
            found = seen.fetchone()
            assert found is not None
            assert rows is not None
            assert found[0] == rows[0]
            shown.add(column)

    assert columns - shown == HIDDEN.get(table, set())
    other = Person("other", "analyst")
    for verb in ("insert", "update", "delete"):
        with intruder.role(roles.READONLY) as connection:
            row = intruder.world.row(table, other, own=True)
            assert not attempt(connection, table, verb, row, world.fresh(table, other, own=True))


def test_the_backup_reads_everything_and_changes_nothing(intruder: Intruder) -> None:
    other = Person("other", "analyst")
    for table in TABLES:
        for verb in VERBS:
            with intruder.role(roles.BACKUP) as connection:
                row = intruder.world.row(table, other, own=True)
                reached = attempt(connection, table, verb, row, world.fresh(table, other, own=True))
            assert reached == (verb == "select"), (table, verb)


@pytest.mark.parametrize("role", [roles.AUDITOR, roles.SEALER])
def test_who_works_on_the_audit_log_sees_no_rows_of_the_product(
    intruder: Intruder, role: str
) -> None:
    seen = set()
    for table in TABLES:
        with intruder.role(role) as connection:
            try:
                connection.execute(f"SELECT id FROM {table}")
            except psycopg.errors.InsufficientPrivilege:
                continue
            seen.add(table)

    # The auditor reads who the actors are.
    assert seen == ({"users"} if role == roles.AUDITOR else set())
    if role == roles.AUDITOR:
        with intruder.role(role) as connection:
            assert connection.execute("SELECT count(email) FROM users").fetchone() != (0,)
        for column in ("password_hash", "metadata", "locked_until"):
            with (
                intruder.role(role) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(f"SELECT {column} FROM users")


def _seen(table: str, row: UUID | int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE id = %s", [row])
        return bool(cursor.fetchone()[0])


def test_django_s_transactions_and_lone_queries_see_the_same(committed: world.World) -> None:
    wrong = []
    for person in PEOPLE:
        told = None if person.name == "nobody" else world.id_of(person)
        for table in TABLES:
            for own in (True, False):
                row = committed.row(table, person, own=own)
                if row is None:
                    continue
                wanted = expected(table, "select", person, own=own)
                with acting_as(told):
                    if _seen(table, row) != wanted:
                        wrong.append((person.name, table, own, "alone"))
                    with transaction.atomic():
                        if _seen(table, row) != wanted:
                            wrong.append((person.name, table, own, "in a transaction"))
                    with acting_as_system():
                        if not _seen(table, row):
                            wrong.append((person.name, table, own, "as the system"))

    assert wrong == []
