"""Dumps hold every row or fail; what is restored guards as the original did."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.db import connection

from database import embedded, roles
from database.connections import connection_parameters, own_connection
from database.embedded import binaries
from tests.database.rows import world
from tests.database.rows.conftest import Intruder
from tests.database.rows.expectations import PEOPLE, TABLES, expected

pytestmark = [
    pytest.mark.usefixtures("committed"),
    pytest.mark.skipif(
        site.EMBEDDED_HOME is None,
        reason="on a server of its own the suite knows no logins of the other roles",
    ),
]

# All that decides who sees what: rules, rights, functions, views.
_RULES = {
    "policies": "SELECT polrelid::regclass::text, polname, polcmd::text, polpermissive,"
    " ARRAY(SELECT pg_get_userbyid(r)::text FROM unnest(polroles) r ORDER BY 1),"
    " pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid) FROM pg_policy",
    "row security": "SELECT c.oid::regclass::text, relrowsecurity, relforcerowsecurity,"
    " pg_get_userbyid(relowner)::text, reloptions FROM pg_class c"
    " WHERE relnamespace IN ('public'::regnamespace, 'audits'::regnamespace)"
    " AND relkind IN ('r', 'p', 'v')",
    "rights": "SELECT c.oid::regclass::text, pg_get_userbyid(grantee)::text, privilege_type"
    " FROM pg_class c, aclexplode(relacl)"
    " WHERE relnamespace IN ('public'::regnamespace, 'audits'::regnamespace)",
    "rights on columns": "SELECT attrelid::regclass::text, attname,"
    " pg_get_userbyid(grantee)::text, privilege_type FROM pg_attribute a"
    " JOIN pg_class c ON c.oid = attrelid, aclexplode(attacl)"
    " WHERE relnamespace IN ('public'::regnamespace, 'audits'::regnamespace)",
    "functions": "SELECT p.oid::regprocedure::text, prosecdef, proconfig, md5(prosrc),"
    " pg_get_userbyid(proowner)::text, ARRAY(SELECT (grantee::regrole)::text || privilege_type"
    " FROM aclexplode(proacl) ORDER BY 1) FROM pg_proc p"
    " WHERE pronamespace IN ('public'::regnamespace, 'audits'::regnamespace)",
    # Conditions are written otherwise after a round trip.
    "triggers": "SELECT tgrelid::regclass::text, tgname, tgenabled::text, tgtype, tgattr::text,"
    " tgfoid::regproc::text, tgargs, tgqual IS NULL FROM pg_trigger WHERE NOT tgisinternal",
}


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of PostgreSQL's programs."""
    return subprocess.run(
        [binaries.find() / "bin" / name, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )


def here(user: str) -> list[str]:
    """Where the test's database is, for this login."""
    params, _ = connection_parameters()
    return ["-h", params["host"], "-p", str(params["port"]), "-U", user, "-d", params["dbname"]]


def counts(own: world.Connection) -> dict[str, int]:
    """The rows of every table there is."""
    tables = own.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname IN ('public', 'audits')"
    ).fetchall()
    found = {}
    for (table,) in tables:
        row = own.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert row is not None
        found[table] = row[0]
    return found


def rules(own: world.Connection) -> dict[str, set[str]]:
    return {name: {repr(row) for row in own.execute(query)} for name, query in _RULES.items()}


@pytest.fixture
def second(open_path: Path) -> Iterator[Path]:
    """Another server, with the roles and an empty database."""
    home = open_path / "second"
    embedded.ensure_running(home, fast=True)
    yield home
    embedded.stop(home)
    shutil.rmtree(embedded.socket_directory(home), ignore_errors=True)


@pytest.fixture
def original() -> Iterator[world.Connection]:
    with own_connection(login=site.DATABASE_ADMIN) as own:
        yield own


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_a_backup_holds_every_row_and_comes_back_with_every_rule(
    original: world.Connection, committed: world.World, second: Path, open_path: Path,
    settings: Any, form: str,
) -> None:  # fmt: skip
    """A dump that drops rows is no dump: the counts say so."""
    file = open_path / "dump"
    done = run("pg_dump", "--format", form, "--file", str(file), *here(roles.BACKUP))
    assert (done.returncode, done.stderr) == (0, "")

    there = ["-h", str(embedded.socket_directory(second)), "-U", "postgres", "-d", "lacuna"]
    if form == "custom":
        done = run("pg_restore", "--exit-on-error", *there, str(file))
    else:
        done = run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *there, "-f", str(file))
    assert done.returncode == 0, done.stderr

    address = f"host={embedded.socket_directory(second)} user=postgres dbname=lacuna"
    with psycopg.connect(address, autocommit=True) as restored:
        assert counts(restored) == counts(original)
        assert all(counts(original)[f"public.{table}"] for table in TABLES)
        before = rules(original)
        assert all(before.values())
        after = rules(restored)
        differences = {name: before[name] ^ after[name] for name in before}
        assert differences == {name: set() for name in before}
        _assert_guards(restored, committed)
        # Whatever rights were lost on the way, migrate makes whole.
        restored.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM lacuna_app, lacuna_system")
        restored.execute("REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM lacuna_backup")
        _migrate(second, settings)
        missing = before["rights"] - rules(restored)["rights"]
        # Views are granted by the migration that makes them, not after each.
        views = {
            name
            for (name,) in restored.execute(
                "SELECT relname FROM pg_class WHERE relkind IN ('v', 'm')"
            )
        }
        assert {right for right in missing if right.split("'")[1] not in views} == set()


def _assert_guards(restored: world.Connection, committed: world.World) -> None:
    restored.execute("BEGIN")
    intruder = Intruder(restored, committed)
    for person in PEOPLE:
        for table in TABLES:
            row = committed.row(table, person, own=False)
            with intruder.person(person) as own:
                found = own.execute(f"SELECT FROM {table} WHERE id = %s", [row]).rowcount
            assert bool(found) == expected(table, "select", person, own=False), (person, table)
    restored.execute("ROLLBACK")


def _migrate(home: Path, settings: Any) -> None:
    name, before = connection.settings_dict["NAME"], settings.EMBEDDED_HOME
    connection.close()
    settings.EMBEDDED_HOME = home
    connection.settings_dict["NAME"] = "lacuna"
    try:
        call_command("migrate", verbosity=0)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name
        settings.EMBEDDED_HOME = before


@pytest.mark.parametrize("login", [roles.APP, roles.READONLY, roles.AUDITOR, roles.SEALER])
@pytest.mark.parametrize("option", ["", "--enable-row-security"])
def test_a_dump_by_anybody_else_fails_instead_of_dropping_rows(
    open_path: Path, login: str, option: str
) -> None:
    arguments = ["--file", str(open_path / "dump"), *filter(None, [option]), *here(login)]

    done = run("pg_dump", *arguments)

    assert done.returncode != 0
    assert "permission denied" in done.stderr or "row-level security" in done.stderr


@pytest.mark.parametrize("login", [roles.APP, roles.READONLY])
def test_a_dump_of_one_table_without_the_bypass_fails(open_path: Path, login: str) -> None:
    file = open_path / "dump"

    done = run("pg_dump", "--table", "system_settings", "--file", str(file), *here(login))

    assert done.returncode != 0
    assert "row-level security" in done.stderr
