"""Requests as a web server hands them in: the real application, on the real pool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any, cast

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.test import Client, RequestFactory
from psycopg_pool import ConnectionPool

from accounts.models import User
from database import roles
from database.backend.base import DatabaseWrapper


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and what came with it."""

    status: int
    body: str


class Browser:
    """One person's browser; its requests pass through every middleware, and close as they do."""

    def __init__(self, application: WSGIHandler, user: User | None) -> None:
        self._application = application
        self._cookies: SimpleCookie = SimpleCookie()
        if user is not None:
            client = Client()
            client.force_login(user)
            self._cookies[settings.SESSION_COOKIE_NAME] = client.cookies[
                settings.SESSION_COOKIE_NAME
            ].value

    def get(self, path: str) -> Answer:
        """The answer to GET."""
        environ = RequestFactory(headers={"host": "localhost"}).get(path).environ
        environ["HTTP_COOKIE"] = self._cookies.output(header="", sep=";").strip()
        statuses: list[int] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            statuses.append(int(status.split(maxsplit=1)[0]))

        response = self._application(environ, start_response)
        try:
            body = b"".join(response)
        finally:
            response.close()  # the request is over: the connection goes back to the pool
        return Answer(statuses[0], body.decode())


@contextmanager
def served(*, pool_size: int) -> Iterator[WSGIHandler]:
    """The application as the web server runs it, its connections shared by all threads."""
    wrapper = cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])
    before = dict(connection.settings_dict["OPTIONS"])
    age = connection.settings_dict["CONN_MAX_AGE"]
    connection.close()
    connection.settings_dict["OPTIONS"].update(
        assume_role=roles.APP, pool={"min_size": 1, "max_size": pool_size, "timeout": 10}
    )
    connection.settings_dict["CONN_MAX_AGE"] = 0
    try:
        assert isinstance(wrapper.pool, ConnectionPool)
        yield WSGIHandler()
    finally:
        connection.close()
        wrapper.close_pool()
        connection.settings_dict["OPTIONS"].clear()
        connection.settings_dict["OPTIONS"].update(before)
        connection.settings_dict["CONN_MAX_AGE"] = age
