"""PgBouncer between workers and the server, lending a session for one transaction at a time."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from django.db import connection

from tests.jobs.workers import eventually

PROGRAM = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")

# The application's own settings for a transaction pooler stand in the last line.
_CONFIGURATION = """
[databases]
* = {target}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
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
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        target = {
            "host": params.get("host") or "localhost",
            "port": params.get("port") or 5432,
            "user": params["user"],
            "password": params.get("password"),
        }
        known = " ".join(f"{name}={value}" for name, value in target.items() if value)
        file = folder / "pgbouncer.ini"
        file.write_text(
            _CONFIGURATION.format(target=known, port=port, folder=folder), encoding="utf-8"
        )
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
        self.url = f"postgresql://{params['user']}@127.0.0.1:{port}/{params['dbname']}"
        eventually(lambda: _answers(port), within=10, what=f"PgBouncer: {self.logged()}")

    def logged(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def close(self) -> None:
        """End it at once, whoever is connected."""
        self._process.terminate()
        self._process.wait(timeout=10)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
