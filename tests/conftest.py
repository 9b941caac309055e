"""What every test stands on: a database that its owner migrated and the application uses."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import TransactionTestCase
from django.test.utils import setup_databases, teardown_databases

from accounts.passwords import Argon2idHasher
from accounts.passwords.verification import nobodys_hash
from audit import recording
from database import roles
from database.connections import as_admin, as_owner, own_connection

# What fills tables with rows that the product does not work without.
FILLED_BY_MIGRATIONS: Final = (Path(settings.BASE_DIR) / "providers/sql/0002_the_four.up.sql",)


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """A test that reaches for anything but this machine fails."""
    real = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        local = self.family == socket.AF_UNIX or (
            isinstance(address, tuple) and address[0] in {"127.0.0.1", "::1", "localhost"}
        )
        if not local:
            raise AssertionError(f"A test tried to reach {address!r} over the network.")
        return real(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> None:
    """Create the roles before any database is made: they belong to the whole server."""
    with as_admin(connection), own_connection() as admin:
        roles.ensure_roles(admin)


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: Any,
    django_db_modify_db_settings: None,
) -> Iterator[None]:
    """Made by the administrator, migrated by the owner, used as the system, as commands do.

    Within a request, and ``acting_as`` somebody, rows are confined as they are in production.
    """
    with django_db_blocker.unblock():
        with as_admin(connection):
            created = setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
            with own_connection() as admin:  # that roles were declared is recorded; tests count
                admin.execute("SET session_replication_role = replica")
                admin.execute("TRUNCATE audits.audit_log, audits.audit_personal")
        # The switch back restored the login, not the test database's name, which must stay.
        _assert_application_role()
    yield
    with django_db_blocker.unblock(), as_admin(connection):
        teardown_databases(created, verbosity=0)


def _assert_application_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        user, database = cursor.fetchone()
    connection.close()
    assert user == roles.SYSTEM, f"tests would run as {user}"
    assert database.startswith("test_"), f"tests would run in {database}"


REAL_COSTS: Final = {
    name: getattr(Argon2idHasher, name) for name in ("memory_cost", "time_cost", "parallelism")
}

# What migrations leave behind and the product does not work without.
_KEPT: Final = (
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "migrations_history",
    "audit_action",
    "role_permissions",
)
# Few rows are deleted sooner than a table is made anew; of many it is the other way round.
_LARGE: Final = 512 * 1024

_USED_TABLES: Final = """
    SELECT format('%%I.%%I', n.nspname, c.relname), pg_relation_size(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND c.relname <> ALL (%s) AND pg_relation_size(c.oid) > 0
"""


def _empty_tables(self: TransactionTestCase) -> None:
    """Empty every table after a test with real transactions, whatever its triggers forbid.

    Django's flush runs as the application, which may not TRUNCATE; and it would touch every table,
    while a test writes into few.
    """
    connections.close_all()
    with as_admin(connection), own_connection() as admin:
        admin.execute("SET session_replication_role = replica")
        used = admin.execute(_USED_TABLES, [list(_KEPT)]).fetchall()
        large = [name for name, size in used if size > _LARGE]
        if large:
            admin.execute(f"TRUNCATE {', '.join(large)} CASCADE")
        for name, size in used:
            if size <= _LARGE:
                admin.execute(f"DELETE FROM {name}")
        for filled in FILLED_BY_MIGRATIONS:
            admin.execute(filled.read_bytes())


@pytest.fixture(autouse=True, scope="session")
def tables_are_emptied_by_the_administrator() -> None:
    """Replaces the teardown of tests with real transactions."""
    setattr(TransactionTestCase, "_fixture_teardown", _empty_tables)  # noqa: B010 - private


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that every user of the machine may enter, unlike ``tmp_path``.

    A private server started by root runs as somebody else, who must reach its data.
    """
    folder = Path(tempfile.mkdtemp(prefix="lacuna-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def administrator(transactional_db: None) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection of its own that may SET ROLE to anybody; sees committed rows only."""
    with as_admin(connection), own_connection() as own:
        yield own


@pytest.fixture
def owner(transactional_db: None) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection of its own as the owner of the tables; sees committed rows only."""
    with as_owner(connection), own_connection() as own:
        yield own


@pytest.fixture(autouse=True)
def kept_entries_go_with_the_test(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that outlive a rollback would outlive the tests that are rolled back, too."""
    mark = request.node.get_closest_marker("django_db")
    if "transactional_db" in request.fixturenames or (mark and mark.kwargs.get("transaction")):
        return

    def write(written: recording.Written, action: str, using: str) -> None:
        with connections[using].cursor() as cursor:
            cursor.execute(*written)

    monkeypatch.setattr(recording, "_write_apart", write)


@pytest.fixture(autouse=True, scope="session")
def hashing_is_cheap() -> Iterator[None]:
    """A password's hash takes a tenth of a second and 64 MiB: few tests need to pay for that."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Argon2idHasher, "memory_cost", 64)
    patch.setattr(Argon2idHasher, "time_cost", 1)
    yield
    patch.undo()


@pytest.fixture
def real_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashes as dear as the product's."""
    for name, value in REAL_COSTS.items():
        monkeypatch.setattr(Argon2idHasher, name, value)
    nobodys_hash.cache_clear()
    yield
    nobodys_hash.cache_clear()
