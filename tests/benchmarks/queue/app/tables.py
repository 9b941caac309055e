"""Makes the tables from the models as they stand: they outlive no benchmark, so need no history."""

from __future__ import annotations

from typing import Final

from django.db import connection

from database import grants
from database.connections import as_owner
from tests.benchmarks.queue.app.models import BenchJob, Call, Chore, FullChore, Plain

QUEUES: Final[tuple[type[BenchJob], ...]] = (Chore, FullChore, Call)


def make() -> None:
    """Create the tables in a migrated database and make queues of all but one."""
    tables: list[type[BenchJob]] = [*QUEUES, Plain]
    with as_owner(connection):
        with connection.schema_editor() as editor:
            for table in tables:
                editor.create_model(table)
        with connection.cursor() as cursor:
            for model in QUEUES:
                states = model.states
                cursor.execute(
                    "SELECT install_queue(%s, %s, %s, %s)",
                    [model._meta.db_table, states.ready, states.running, states.retrying],
                )
        grants.apply(connection)
