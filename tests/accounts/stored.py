"""Looks for a secret in every column of every table, as a thief of the database would."""

from __future__ import annotations

from django.db import connection

from database.connections import as_admin, own_connection

_HOLDS = """
    SELECT EXISTS (
        SELECT FROM {table} t WHERE EXISTS (
            SELECT FROM unnest(%s::text[]) AS needle WHERE position(needle IN lower(t::text)) > 0
        )
    )
"""


def places_of(*secrets: str) -> list[str]:
    """The tables that hold one of the secrets, as text or as bytes; committed rows alone."""
    # A row as text shows bytea in hexadecimal.
    needles = [needle for secret in secrets for needle in (secret.lower(), secret.encode().hex())]
    with as_admin(connection), own_connection() as own:
        rows = own.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        tables = [str(name) for (name,) in rows]
        assert "public.totp_devices" in tables
        assert "audits.audit_log" in tables
        return [
            table
            for table in tables
            if own.execute(_HOLDS.format(table=table).encode(), [needles]).fetchone() == (True,)
        ]
