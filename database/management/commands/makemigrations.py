"""``manage.py makemigrations`` as Django has it, as the owner role."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import makemigrations
from django.db import DEFAULT_DB_ALIAS, connections

from database.connections import as_owner


class Command(makemigrations.Command):
    """The history is the owner's: the application may not read it before it is migrated to."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Write what is missing."""
        with as_owner(connections[DEFAULT_DB_ALIAS]):
            super().handle(*args, **options)
