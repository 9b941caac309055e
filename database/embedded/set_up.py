"""The roles and the database inside a running private server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg

from database import roles
from database.embedded import parameters
from database.embedded.errors import EmbeddedServerError

DATABASE: Final = "lacuna"


def bootstrap(sockets: Path, name: str = DATABASE) -> list[str]:
    """Create the roles and the database that are missing; returns the names of what was made.

    Safe to repeat; two queries when nothing is missing. A server that an older version set up
    gets what came since.
    """
    with _connected(sockets) as connection, _set_up(sockets):
        exists = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
        if exists is not None and not roles.missing(connection):
            return []
        made = roles.ensure_roles(connection)
        if roles.ensure_database(connection, name):
            made.append(name)
        return made


@contextlib.contextmanager
def _connected(sockets: Path) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A superuser's connection to the cluster, in autocommit mode, whatever PG* variables say."""
    until = time.monotonic() + 30
    while True:
        try:
            connection = psycopg.connect(
                host=str(sockets), hostaddr="", port=parameters.PORT, user="postgres",
                dbname="postgres", options="", sslmode="disable", gssencmode="disable",
                connect_timeout=30, application_name="lacuna set-up", autocommit=True,
            )  # fmt: skip
            break
        except psycopg.OperationalError as error:
            # Starting again after one of its processes crashed: it will answer soon.
            if "the database system is" not in str(error) or time.monotonic() > until:
                raise EmbeddedServerError(
                    f"The server at {sockets} runs, but refuses us: {error}"
                ) from error
            time.sleep(0.05)
    with connection:
        yield connection


@contextlib.contextmanager
def _set_up(sockets: Path) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise EmbeddedServerError(
            f"The server at {sockets} runs, but its roles and database could not be made: {error}"
        ) from error
