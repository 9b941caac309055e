"""Keys for tests."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client

from accounts.actions import api_keys
from accounts.actions.api_keys import NewKey
from accounts.models import User


def make_key(user: User, **values: Any) -> NewKey:
    """A key of the person, made by themself, that may read people."""
    given: dict[str, Any] = {"name": "Nightly report", "scopes": ["read:people"], "by": user}
    return api_keys.create(user, **(given | values))


def insert_key(user: User, whole: str, **columns: str) -> None:
    """A key as an operator inserts it in plain SQL; ``columns`` are SQL expressions."""
    values = {
        "user_id": f"'{user.pk}'",
        "key_hash": f"encode(sha256('{whole}'), 'hex')",
        "name": "'Partner'",
        "scopes": """'["read:people"]'""",
    } | columns
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO api_keys ({', '.join(values)}) VALUES ({', '.join(values.values())})"
        )


def ask(whole: str, path: str = "/api/v1/roles/", **options: Any) -> Any:
    """The answer to a program that comes with this key."""
    headers = {"Authorization": f"Api-Key {whole}"} | options.pop("headers", {})
    return Client().generic(options.pop("method", "GET"), path, headers=headers, **options)
