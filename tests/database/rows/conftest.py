"""The small world, seen by whoever is named in plain SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.conf import settings
from psycopg import sql

from database import roles
from database.connections import own_connection
from tests.database.rows import world as worlds
from tests.database.rows.expectations import Person


@dataclass
class Intruder:
    """A connection that may become anybody, and the rows there are; nothing of it is kept."""

    connection: worlds.Connection
    world: worlds.World

    @contextmanager
    def person(self, person: Person) -> Iterator[worlds.Connection]:
        """Inside, what the backend tells for the person holds; afterwards all is undone."""
        with self.role(roles.APP) as connection:
            told = worlds.id_of(person)
            connection.execute(
                "SELECT set_config('app.user_id', %(who)s, true), set_config('role',"
                " CASE WHEN %(who)s = '' THEN 'lacuna_app' ELSE"
                " actor_role(nullif(%(who)s, '')::uuid) END, true)",
                {"who": told},
            )
            yield connection

    @contextmanager
    def role(self, role: str) -> Iterator[worlds.Connection]:
        """Inside, the connection is this database role, for nobody."""
        with self.undone() as connection:
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
            yield connection

    @contextmanager
    def undone(self) -> Iterator[worlds.Connection]:
        """A superuser's savepoint that is rolled back."""
        self.connection.execute("SAVEPOINT intruder")
        try:
            yield self.connection
        finally:
            self.connection.execute("ROLLBACK TO SAVEPOINT intruder; RELEASE SAVEPOINT intruder")


@pytest.fixture(scope="module")
def intruder(django_db_setup: None) -> Iterator[Intruder]:
    """The world of the module's tests, in a transaction that is rolled back at the end."""
    with own_connection(login=settings.DATABASE_ADMIN) as admin:
        admin.execute("BEGIN")
        # Where the settings' login is no superuser, as an operator would have it, say so here.
        yield Intruder(admin, worlds.build(admin))
        admin.execute("ROLLBACK")


@pytest.fixture
def committed(transactional_db: None) -> Iterator[worlds.World]:
    """The same world, for connections of their own to see."""
    with own_connection(login=settings.DATABASE_ADMIN) as admin:
        with admin.transaction():
            built = worlds.build(admin)
        yield built
        # These keep their rows when the tables are emptied.
        for table in ("role_permissions", "migrations_history"):
            admin.execute(f"DELETE FROM {table} WHERE id = %s", [built.rows[table]["other"]])


@pytest.fixture
def own_loop() -> Iterator[None]:
    """Coroutines run here too after a browser's test, whose loop keeps running in the thread."""
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)


def is_refused(error: psycopg.Error) -> bool:
    """Whether the database says that this is not allowed."""
    return isinstance(error, psycopg.errors.InsufficientPrivilege)


Row = tuple[Any, ...]
