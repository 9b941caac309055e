"""The audit log: entries without a lock, one sealer behind them, proofs for everybody."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

from audit import actions, alarms, commands, context, registry
from database import actor

_UPSERT = (
    "INSERT INTO audits.audit_action (name, documented, description) VALUES (%s, %s, %s)"
    " ON CONFLICT (name) DO UPDATE SET documented = excluded.documented,"
    " description = excluded.description"
)


def write_registry(*, using: str, **_: Any) -> None:
    """Tell the database the names of actions; the owner does it after each migrate."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass('audits.audit_action')")
        if cursor.fetchone()[0] is None:  # migrated back to before there was a log
            return
        rows = [
            (action.name, action.word or None, action.description)
            for action in registry.ACTIONS.values()
        ]
        cursor.executemany(_UPSERT, rows)


class AuditConfig(AppConfig):
    """Declares the log's own actions, and has transactions told where they come from."""

    name = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        actions.declare()
        commands.observe()
        alarms.register()
        if not actor.CIRCUMSTANCES:
            actor.CIRCUMSTANCES.append(context.for_database)
        post_migrate.connect(write_registry, sender=self, dispatch_uid="audit.registry")
