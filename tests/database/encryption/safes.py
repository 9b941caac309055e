"""Safes as they are loaded, and as they stand in the database."""

from __future__ import annotations

from typing import Final

from django.db import connection, models

from tests.database.secretsapp.models import Safe

TEXT: Final = "JBSWY3DPEHPK3PXP"


def stored(safe: models.Model, column: str = "code") -> bytes:
    """The column as it stands in the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {column} FROM {safe._meta.db_table} WHERE {safe._meta.pk.column} = %s",
            [safe.pk],
        )
        return bytes(cursor.fetchone()[0])


def loaded(safe: Safe) -> Safe:
    return Safe.objects.get(pk=safe.pk)
