"""What the application's role, and the roles beside it, cannot do to the log with plain SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from django.db import connection, transaction

from audit.recording import record
from database import roles
from database.connections import own_connection
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

Connection = psycopg.Connection[tuple[Any, ...]]

REFUSED: Final = "42501"  # insufficient_privilege
GENERATED: Final = "428C9"

_ENTRY: Final = "INSERT INTO audits.audit_log (action, {}) VALUES ('result.viewed', {})"

ATTACKS: Final[dict[str, tuple[str, str]]] = {
    "change an entry": ("UPDATE audits.audit_log SET action = 'result.viewed'", REFUSED),
    "delete entries": ("DELETE FROM audits.audit_log", REFUSED),
    "empty the log": ("TRUNCATE audits.audit_log", REFUSED),
    "empty a month": ("TRUNCATE {month}", REFUSED),
    "change a month": ("UPDATE {month} SET payload = '{{}}'", REFUSED),
    "delete from a month": ("DELETE FROM {month}", REFUSED),
    "insert into a month": (
        "INSERT INTO {month} (created_at, action) VALUES (now(), 'result.viewed')",
        REFUSED,
    ),
    "read a month past the log": ("SELECT * FROM {month}", REFUSED),
    "date an entry back": (_ENTRY.format("created_at", "'2020-01-01'"), REFUSED),
    "claim another transaction": (_ENTRY.format("xid", "1"), REFUSED),
    "choose a number": (_ENTRY.format("id", "1"), GENERATED),
    "override the numbering": (
        "INSERT INTO audits.audit_log (id, action) OVERRIDING SYSTEM VALUE"
        " VALUES (1, 'result.viewed')",
        REFUSED,
    ),
    "choose a key": (_ENTRY.format("entry_id", "gen_random_uuid()"), REFUSED),
    "choose a version": (_ENTRY.format("v", "1"), REFUSED),
    "supply a hash": (_ENTRY.format("leaf", "'\\x00'"), GENERATED),
    "copy rows in with a moment": (
        "COPY audits.audit_log (action, created_at) FROM STDIN",
        REFUSED,
    ),
    "insert through the view": (
        "INSERT INTO public.audit_log (action) VALUES ('result.viewed')",
        "55000",
    ),
    "write no JSON": (_ENTRY.format("payload", "'no'"), "22P02"),
    "write an odd outcome": (_ENTRY.format("outcome", "'fine'"), "23514"),
    "record an unknown action": ("SELECT audits.record('nobody.knows')", "22023"),
    "silence a trigger": ("ALTER TABLE images DISABLE TRIGGER log_audit_update", REFUSED),
    "silence the log's own": ("ALTER TABLE audits.audit_log DISABLE TRIGGER ALL", REFUSED),
    "drop a trigger": ("DROP TRIGGER log_audit_update ON images", REFUSED),
    "drop the log": ("DROP TABLE audits.audit_log", REFUSED),
    "drop the schema": ("DROP SCHEMA audits CASCADE", REFUSED),
    "detach a month": ("ALTER TABLE audits.audit_log DETACH PARTITION {month}", REFUSED),
    "play the replica": ("SET session_replication_role = replica", REFUSED),
    "add a trigger": (
        "CREATE TRIGGER t BEFORE UPDATE ON images FOR EACH ROW"
        " EXECUTE FUNCTION notify_lacuna_jobs()",
        REFUSED,
    ),
    "add a rule": ("CREATE RULE r AS ON UPDATE TO images DO INSTEAD NOTHING", REFUSED),
    "replace the trigger's function": (
        "CREATE OR REPLACE FUNCTION public.log_audit_event() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'",
        REFUSED,
    ),
    "alter the trigger's function": (
        "ALTER FUNCTION public.log_audit_event() SECURITY INVOKER",
        REFUSED,
    ),
    "shadow a function of the log": (
        "CREATE FUNCTION audits.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL'",
        REFUSED,
    ),
    "unguard a table": ("SELECT audits.unguard('images')", REFUSED),
    "guard a table otherwise": ("SELECT audits.guard('images', 'nothing')", REFUSED),
    "begin an era": ("SELECT audits.current_era()", REFUSED),
    "declare an action": ("INSERT INTO audits.audit_action (name) VALUES ('a.b')", REFUSED),
    "forge a batch": ("INSERT INTO audits.audit_batch (batch_no) VALUES (1)", REFUSED),
    "forge a tile": ("INSERT INTO audits.audit_tile VALUES (1, 0, '')", REFUSED),
    "forge an era": ("INSERT INTO audits.audit_era VALUES (2, 'x', 1)", REFUSED),
    "forge a publication": (
        "INSERT INTO audits.audit_publication (target, size, note) VALUES ('x', 1, '')",
        REFUSED,
    ),
    "forge a retirement": (
        "INSERT INTO audits.audit_retired (partition) VALUES ('x')",
        REFUSED,
    ),
    "play the sealer": ("INSERT INTO audits.audit_sealer (name) VALUES ('x')", REFUSED),
    "erase without an entry": ("DELETE FROM audits.audit_personal", REFUSED),
    "change personal data": ("UPDATE audits.audit_personal SET data = '{{}}'", REFUSED),
    "empty personal data": ("TRUNCATE audits.audit_personal", REFUSED),
    "erase without a reason": ("SELECT audits.erase_personal(ARRAY[]::uuid[], ' ')", "22023"),
    "become the owner": ("SET ROLE lacuna_owner", REFUSED),
    "become the sealer": ("SET ROLE lacuna_sealer", REFUSED),
    "become the backup": ("SET SESSION AUTHORIZATION lacuna_backup", REFUSED),
}


@pytest.fixture
def intruder() -> Iterator[Connection]:
    """A connection that logged in as the application, with an entry there to attack."""
    with transaction.atomic():
        record("access.refused", outcome="failure", error="no", personal={"email": "a@b.c"})
    with own_connection() as own:
        own.execute("RESET ROLE")
        if own.info.user != roles.APP:  # a server of one's own: the login is an administrator's
            own.execute(f"SET SESSION AUTHORIZATION {roles.APP}")
        row = own.execute("SELECT session_user, current_user").fetchone()
        assert row == (roles.APP, roles.APP)
        yield own


def month() -> str:
    """The partition in which the entry lies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM audits.audit_log LIMIT 1")
        name: str = cursor.fetchone()[0]
    return name


def contents() -> tuple[Any, ...]:
    """Everything in the log, as one value."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT string_agg(l::text, chr(10) ORDER BY id) FROM audits.audit_log l),"
            " (SELECT string_agg(p::text, chr(10) ORDER BY entry_id) FROM audits.audit_personal p)"
        )
        found: tuple[Any, ...] = cursor.fetchone()
    return found


def attempt(intruder: Connection, statement: str) -> None:
    """Execute the statement; a COPY gets a row to copy."""
    if not statement.startswith("COPY"):
        intruder.execute(statement)
        return
    with intruder.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write_row(("result.viewed", "2020-01-01"))


@pytest.mark.parametrize("name", ATTACKS)
def test_the_application_cannot(name: str, intruder: Connection) -> None:
    if name == "become the backup" and intruder.info.user != roles.APP:
        pytest.skip("The tests' login is a superuser, who may become anybody.")
    statement, state = ATTACKS[name]
    statement = statement.format(month=month())
    before = contents()

    with pytest.raises(psycopg.Error) as refusal:
        attempt(intruder, statement)

    assert refusal.value.sqlstate == state, str(refusal.value)
    assert contents() == before


def test_what_is_said_of_the_moment_and_the_transaction_is_true(intruder: Connection) -> None:
    with intruder.transaction():
        told = intruder.execute("SELECT pg_current_xact_id()::text::bigint, now()").fetchone()
        intruder.execute("INSERT INTO audits.audit_log (action) VALUES ('result.viewed')")
        found = intruder.execute(
            "SELECT xid, created_at >= now(), leaf = audits.leaf_v1(v, id, entry_id, xid,"
            " created_at, actor_id, action, resource_type, resource_id, outcome, duration_ms,"
            " payload, personal) FROM audits.audit_log ORDER BY id DESC LIMIT 1"
        ).fetchone()

    assert told is not None
    assert found == (told[0], True, True)


def test_not_even_the_owner_changes_or_removes_by_accident(
    intruder: Connection, owner: Connection
) -> None:
    for statement in (
        "UPDATE audits.audit_log SET action = 'result.viewed'",
        "DELETE FROM audits.audit_log",
        "TRUNCATE audits.audit_log",
        f"TRUNCATE {month()}",
        "UPDATE audits.audit_personal SET data = '{}'",
        "TRUNCATE audits.audit_personal",
        "TRUNCATE audits.audit_batch",
        "TRUNCATE audits.audit_tile",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            owner.execute(statement)


def test_a_trigger_of_the_intruders_own_hides_nothing(intruder: Connection) -> None:
    """What triggers change in consequence is not noticed, so nobody may bring their own."""
    make_user()

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        intruder.execute("CREATE TEMPORARY TABLE lever (n integer)")


@pytest.mark.parametrize("role", ["lacuna_readonly", "lacuna_auditor", "lacuna_backup"])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audits.audit_log (action) VALUES ('result.viewed')",
        "DELETE FROM audits.audit_log",
        "SELECT audits.record('result.viewed')",
        "DELETE FROM audits.audit_personal",
        "SELECT audits.erase_personal(ARRAY[]::uuid[], 'because')",
    ],
)
def test_those_who_only_read_cannot_write(
    role: str, statement: str, administrator: Connection
) -> None:
    administrator.execute(f"SET ROLE {role}")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        administrator.execute(statement)


def test_reports_see_no_salt_and_no_typed_address(administrator: Connection) -> None:
    administrator.execute("SET ROLE lacuna_readonly")

    administrator.execute("SELECT ip_address, user_agent FROM audits.audit_personal")
    for column in ("salt", "data"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            administrator.execute(f"SELECT {column} FROM audits.audit_personal")
