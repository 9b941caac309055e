"""Cursors that let nothing pass by the acting user."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql.base import CursorDebugWrapper
from django.db.backends.utils import CursorWrapper
from django.db.transaction import TransactionManagementError


class _OnlyInTransaction:
    """What Django hands to psycopg past its wrappers has to stand in a transaction of ours.

    Alone it would run as the process, not as the person who is named.
    """

    cursor: Any
    db: Any

    def copy(self, *args: Any, **options: Any) -> Any:
        """As psycopg's, in a transaction."""
        self._check("copy")
        return self.cursor.copy(*args, **options)

    def stream(self, *args: Any, **options: Any) -> Any:
        """As psycopg's, in a transaction."""
        self._check("stream")
        return self.cursor.stream(*args, **options)

    def callproc(self, *args: Any, **options: Any) -> Any:
        """As Django's, in a transaction."""
        self._check("callproc")
        return super().callproc(*args, **options)  # type: ignore[misc] # of what it is mixed into

    def _check(self, name: str) -> None:
        if self.db.get_autocommit() and not self.db.runs_as_usual():
            raise TransactionManagementError(
                f"cursor.{name}() outside a transaction would not run for the person who is named."
                " Put it into transaction.atomic()."
            )


class Cursor(_OnlyInTransaction, CursorWrapper):
    """Django's."""


class DebugCursor(_OnlyInTransaction, CursorDebugWrapper):
    """Django's that notes its queries."""
