"""Database connections as a process needs them that lives long and works on one thing at a time."""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# A connection whose peer has vanished is given up after about 15 s instead of hours.
_LIBPQ = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
# The same on the server's side: the lock on a job's row must not outlive the machine that held it.
_SERVER = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def _let_server_notice(connection: BaseDatabaseWrapper, **signal: Any) -> None:
    settings = ", ".join("set_config(%s, %s, false)" for _ in _SERVER)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {settings}", [word for pair in _SERVER.items() for word in pair])


def for_long_life(application_name: str) -> None:
    """One lasting connection to a thread, no pool; to be called before the first query."""
    for alias in connections:
        settings = connections[alias].settings_dict
        settings["CONN_MAX_AGE"] = None
        settings["CONN_HEALTH_CHECKS"] = True
        options = settings["OPTIONS"]
        options.pop("pool", None)
        for name, value in _LIBPQ.items():
            options.setdefault(name, value)
        options["application_name"] = application_name
    connection_created.connect(_let_server_notice, dispatch_uid="jobs")
