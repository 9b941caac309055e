"""The server's settings: what every private server has, what a throw-away one adds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from database.embedded.errors import EmbeddedServerError

Value = str | int | float | bool

# The port only names the socket's file; nothing listens on the network.
PORT: Final = 5432

DEFAULTS: Final[dict[str, Value]] = {
    "cluster_name": "lacuna",
    "max_connections": 200,
    "shared_buffers": "256MB",  # mapped at once, taken from the machine only when used
    "shared_preload_libraries": "pg_stat_statements",  # which queries are slow: for who asks
    "timezone": "UTC",
    "jit": False,  # compiles longer than our queries run
    "autovacuum": True,
    "logging_collector": True,
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_filename": "postgresql-%a.log",  # a file per weekday, overwritten a week later
    "log_rotation_age": "1d",
    "log_rotation_size": 0,
    "log_truncate_on_rotation": True,
    # A statement that fails carries its values, and the row that a constraint refuses is told
    # whole: hashes of secrets and people's addresses, none of which belong in a log. The program
    # that asked is told everything.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

# A crash of the machine may destroy such a server's data: for tests alone.
THROW_AWAY: Final[dict[str, Value]] = {
    "fsync": False,
    "synchronous_commit": False,
    "full_page_writes": False,
}

# What keeps strangers out and the server findable is not for sale.
_OURS: Final = frozenset(
    {
        "config_file", "data_directory", "external_pid_file", "hba_file", "ident_file",
        "listen_addresses", "log_directory", "port", "unix_socket_directories",
        "unix_socket_group", "unix_socket_permissions",
    }
)  # fmt: skip
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_$]*)?")


def combined(extra: Mapping[str, Value] | None, *, fast: bool) -> dict[str, str]:
    """The defaults with ``extra`` over them, as PostgreSQL spells them."""
    chosen = {name.lower(): value for name, value in (extra or {}).items()}
    for name, value in chosen.items():
        if not _NAME.fullmatch(name):
            raise EmbeddedServerError(f"{name!r} is not the name of a PostgreSQL setting.")
        if name in _OURS:
            raise EmbeddedServerError(
                f"The setting {name} is fixed for the private server. Leave it out, or set"
                " DATABASE_URL to a server of your own."
            )
        if "\0" in str(value):
            raise EmbeddedServerError(f"The value of the setting {name} contains a null byte.")
    merged = DEFAULTS | (THROW_AWAY if fast else {}) | chosen
    return {name: _spelled(value) for name, value in merged.items()}


def _spelled(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
