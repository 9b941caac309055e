"""No session key, no token: not in the database, not in the log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.accounts.sessions.devices import FIREFOX, ME, SESSIONS, bearer, key_of, refresh_with
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a long enough phrase 42"
LOGIN = "/api/v1/auth/login/"


def everything(client: Client) -> list[str]:
    """Every secret that a life with browser and program has given out."""
    make_user("admin")
    person = User.objects.create_user("grace@example.org", PASSWORD, role="viewer")
    client.post("/login/", {"username": person.email, "password": PASSWORD})
    secrets = [key_of(client)]
    client.get("/")
    given = (
        Client()
        .post(LOGIN, {"email": person.email, "password": PASSWORD}, content_type="application/json")
        .json()
    )
    secrets += [given["access_token"], given["refresh_token"]]
    for _ in range(3):
        given = refresh_with(given["refresh_token"]).json()
        secrets += [given["access_token"], given["refresh_token"]]
    Client().get(ME, headers=bearer(given["access_token"]))
    Client().post(
        "/api/v1/auth/logout/",
        headers=bearer(given["access_token"]) | {"idempotency-key": "again"},
    )
    refresh_with(secrets[2])  # a theft
    client.delete(SESSIONS)
    client.post("/logout/")
    # A token's parts say as much as the whole.
    secrets += [part for secret in secrets if "." in secret for part in secret.split(".")[1:]]
    return secrets


def test_no_column_of_any_table_holds_a_key_or_a_token(administrator: Any) -> None:
    """ASVS 7.2.1: what is verified is verified here, against hashes."""
    secrets = everything(Client(headers={"user-agent": FIREFOX}))
    tables = [
        row[0]
        for row in administrator.execute(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
            " WHERE table_type = 'BASE TABLE'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
    ]

    found = []
    for table in tables:
        for secret in secrets:
            (rows,) = administrator.execute(
                f"SELECT count(*) FROM {table} AS t"
                " WHERE strpos(t::text, %s) > 0 OR strpos(t::text, %s) > 0",
                [secret, secret.encode().hex()],
            ).fetchone()
            found += [(table, secret[:10])] * rows

    assert len(tables) > 40
    assert len(secrets) > 10
    assert found == []
    (hashes,) = administrator.execute("SELECT count(*) FROM refresh_tokens").fetchone()
    assert hashes == 4, "the search had something to find"


def test_no_log_line_holds_a_key_or_a_token(capfd: Any, caplog: Any) -> None:
    secrets = everything(Client(headers={"user-agent": FIREFOX}))

    written = "".join(capfd.readouterr()) + caplog.text
    written += json.dumps([str(record.__dict__) for record in caplog.records])
    assert [secret for secret in secrets if secret in written] == []


def test_reports_see_no_hash(administrator: Any) -> None:
    administrator.execute("SET ROLE lacuna_readonly")

    shown = administrator.execute(
        "SELECT table_name || '.' || column_name FROM information_schema.column_privileges"
        " WHERE grantee = 'lacuna_readonly' AND privilege_type = 'SELECT'"
        " AND table_name IN ('sessions', 'refresh_tokens', 'django_session')"
    ).fetchall()

    names = {row[0] for row in shown}
    assert "sessions.last_used_at" in names
    assert not {name for name in names if "hash" in name or name.startswith("django_session")}


def test_the_keys_of_the_search_are_those_of_the_tables() -> None:
    """A column that is renamed must not let the first test look at nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM information_schema.columns WHERE column_name IN"
            " ('browser_key_hash', 'token_hash') AND table_schema = 'public'"
        )
        assert cursor.fetchone()[0] == 3
