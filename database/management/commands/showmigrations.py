"""``manage.py showmigrations`` as Django has it, as the owner role."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import showmigrations
from django.db import connections

from database.connections import as_owner


class Command(showmigrations.Command):
    """The history is the owner's: the application may not read it before it is migrated to."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Show which are applied."""
        with as_owner(connections[options["database"]]):
            super().handle(*args, **options)
