"""Where a child process begins. Nothing here may import models: Django is not set up yet."""

from __future__ import annotations

from multiprocessing.connection import Connection

import django
from django.utils.module_loading import import_string

from jobs.worker import lifeline


def main(
    connection: Connection, queues: tuple[str, ...], recycle_after: int, recycle_above: int
) -> None:
    """Set up, prepare the queues' handlers, and serve the worker at the other end."""
    lifeline.die_with_parent()
    lifeline.stand_apart()
    lifeline.die_with_worker()
    django.setup()
    import_string("jobs.worker.connections.for_long_life")("lacuna job")
    import_string("jobs.worker.serving.prepare")(queues)
    import_string("jobs.worker.serving.serve")(
        connection, recycle_after=recycle_after, recycle_above=recycle_above
    )
