"""Which migrations the last ``migrate`` applied, and where to go to be as before it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from database.models import MigrationRun, MigrationStatus

Key = tuple[str, str]


class NothingToTakeBack(Exception):
    """No batch can be taken back; the sentence says why."""


@dataclass(frozen=True, slots=True)
class LastBatch:
    """A batch and its migrations that are still applied, the first to be taken back first.

    ``targets`` are the apps in that order, each with the migration at which it stood before, or
    None where it had none.
    """

    number: int
    migrations: list[Key]
    targets: list[tuple[str, str | None]]


def last_batch(connection: BaseDatabaseWrapper) -> LastBatch:
    """Read from the history, as the owner; NothingToTakeBack."""
    if MigrationRun._meta.db_table not in connection.introspection.table_names():
        raise NothingToTakeBack("No migration was ever applied to this database.")
    loader = MigrationLoader(connection)
    applied = set(loader.applied_migrations)
    batches = _batches(connection)
    known = {key: batches[".".join(key)] for key in applied if ".".join(key) in batches}
    if not known:
        raise NothingToTakeBack("No applied migration stands in the history (migrations_history).")
    number = max(known.values())
    chosen = {key for key, batch in known.items() if batch == number}
    if lost := sorted(".".join(key) for key in chosen if key not in loader.disk_migrations):
        raise NothingToTakeBack(
            f"Batch {number} cannot be taken back: the files of {', '.join(lost)} are missing."
        )
    order = _dependents_first(loader, chosen)
    if others := sorted(".".join(key) for key in order if key in applied - chosen):
        raise NothingToTakeBack(
            f"Batch {number} cannot be taken back: {', '.join(others)} of other batches need it."
            " Name a migration to go back to: python manage.py migrate APP NAME"
        )
    migrations = [key for key in order if key in chosen]
    return LastBatch(number, migrations, _targets(loader, migrations, applied))


def _batches(connection: BaseDatabaseWrapper) -> dict[str, int]:
    """The batch in which each migration was applied last, by ``app.name``."""
    done = MigrationRun.objects.using(connection.alias).filter(status=MigrationStatus.SUCCESS)
    return dict(done.order_by("started_at", "id").values_list("name", "batch"))


def _dependents_first(loader: MigrationLoader, chosen: set[Key]) -> list[Key]:
    """The migrations and all that hang on them, in an order in which they can be taken back."""
    found = {key: None for one in chosen for key in loader.graph.backwards_plan(one)}
    # Whatever hangs on a migration has more before it than the migration itself.
    return sorted(found, key=lambda one: (-len(loader.graph.forwards_plan(one)), one))


def _targets(
    loader: MigrationLoader, migrations: list[Key], applied: set[Key]
) -> list[tuple[str, str | None]]:
    """Each app that the batch has changed, with its last migration that stays."""
    targets: list[tuple[str, str | None]] = []
    for app in dict.fromkeys(app for app, _ in migrations):
        kept = [key for key in applied - set(migrations) if key[0] == app]
        known = [key for key in kept if key in loader.graph.nodes]
        known.sort(key=lambda one: len(loader.graph.forwards_plan(one)))
        targets.append((app, known[-1][1] if known else None))
    return targets
