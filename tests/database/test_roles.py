"""The roles of a server, and the command that makes them."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from database import roles
from database.connections import as_admin, own_connection

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_role_is_there_with_its_attributes(
    administrator: psycopg.Connection[tuple[Any, ...]],
) -> None:
    rows = administrator.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles"
        " WHERE rolname LIKE 'lacuna\\_%'"
    ).fetchall()

    assert {row[0] for row in rows} == set(roles.ROLES)
    assert not any(superuser for _, superuser, _, _ in rows)
    assert [name for name, _, bypass, _ in rows if bypass] == [roles.BACKUP]
    # What the application becomes has no login of its own.
    assert {name for name, _, _, login in rows if not login} == {roles.ADMIN, roles.SYSTEM}


def test_the_command_is_harmless_to_repeat() -> None:
    out = io.StringIO()
    call_command("create_roles", "--json", stdout=out)
    report = json.loads(out.getvalue())

    assert report["added"] == []
    assert report["owner_changed"] is False


def test_many_may_ask_at_once(
    administrator: psycopg.Connection[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(roles.ROLES, "test_lacuna_role", "NOLOGIN")
    created: list[str] = []
    connections = [own_connection() for _ in range(4)]

    def ask(own: psycopg.Connection[tuple[Any, ...]]) -> None:
        created.extend(roles.ensure_roles(own))

    threads = [threading.Thread(target=ask, args=[own]) for own in connections]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert created == ["test_lacuna_role"]
    finally:
        administrator.execute("DROP ROLE IF EXISTS test_lacuna_role")
        for own in connections:
            own.close()


def test_a_login_of_another_name_may_act_as_the_application_without_inheriting(
    administrator: psycopg.Connection[tuple[Any, ...]],
) -> None:
    login = "test_lacuna_login"
    administrator.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(login)))
    try:
        roles.let_login_become(administrator, login)
        roles.let_login_become(administrator, login)
        administrator.execute(f"SET SESSION AUTHORIZATION {login}")
        administrator.execute("SET ROLE lacuna_app")
        administrator.execute("SELECT count(*) FROM images")
        administrator.execute("RESET ROLE")
        if administrator.info.server_version >= 160000:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                administrator.execute("SELECT count(*) FROM images")
    finally:
        administrator.execute("RESET SESSION AUTHORIZATION")
        administrator.execute(f"DROP ROLE {login}")


def test_a_role_that_is_missing_is_named_with_what_to_do() -> None:
    with as_admin(connection):
        connection.settings_dict["OPTIONS"]["assume_role"] = "lacuna_nobody"
        with pytest.raises(
            ImproperlyConfigured, match=r"cannot act as lacuna_nobody .* create_roles"
        ):
            connection.ensure_connection()


def test_a_server_of_an_older_version_is_not_migrated_before_its_roles_are_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(roles.ROLES, "lacuna_later", "NOLOGIN")
    monkeypatch.setattr(roles, "MEMBERS", (*roles.MEMBERS, ("lacuna_later", roles.APP, False)))
    out = io.StringIO()

    with pytest.raises(
        CommandError,
        match="lacks the role lacuna_later and the right of lacuna_later to become lacuna_app."
        " Run: python manage.py create_roles",
    ):
        call_command("migrate", verbosity=0)
    call_command("create_roles", "--dry-run", stdout=out)

    assert "Would add the role lacuna_later, the right of lacuna_later" in out.getvalue()
