"""PgBouncer between workers and the server, lending a session for one transaction at a time."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.db import connection

from tests.jobs.workers import eventually

PROGRAM = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")

# The application's own settings for a transaction pooler stand in the last line.
_CONFIGURATION = """
[databases]
* = {target} connect_query='SET ROLE lacuna_system'

[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = 12
max_client_conn = 200
server_reset_query =
logfile = {folder}/log
pidfile = {folder}/pid
ignore_startup_parameters = extra_float_digits
"""


class Pooler:
    """A PgBouncer of the test's own in front of the test database's server."""

    def __init__(self, folder: Path) -> None:
        assert PROGRAM is not None, "asked for only where it is installed"
        params: dict[str, Any] = connection.get_connection_params()
        self._log = folder / "log"
        target = {
            "host": params.get("host") or "localhost",
            "port": params.get("port") or 5432,
            "user": params["user"],
            "password": params.get("password"),
        }
        known = " ".join(f"{name}={value}" for name, value in target.items() if value)
        file = folder / "pgbouncer.ini"
        file.write_text(_CONFIGURATION.format(target=known, folder=folder), encoding="utf-8")
        command = [PROGRAM, str(file)]
        if os.geteuid() == 0:  # it refuses to run as root
            # By a socket the server lets its own account in; over TCP any will do.
            host = Path(f"{target['host']}")
            account = pwd.getpwuid(host.stat().st_uid).pw_name if host.is_absolute() else "nobody"
            shutil.chown(folder, account)
            command = [PROGRAM, "--user", account, str(file)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # A socket of the test's own: the number of a port could be another's by now.
        place = quote(str(folder), safe="")
        self.url = f"postgresql://{params['user']}@{place}:6432/{params['dbname']}"
        try:
            eventually(self._answers, what="PgBouncer's answer")
        except AssertionError as error:
            error.add_note(self.logged())
            self.close()
            raise

    def logged(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, prepare_threshold=None).close()
        except psycopg.OperationalError:
            return False
        return True

    def close(self) -> None:
        """End it at once, whoever is connected."""
        self._process.terminate()
        self._process.wait(timeout=10)
