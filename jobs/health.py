"""Whether somebody works on what waits."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from jobs import registry
from jobs.models.worker import Worker

# A worker's heartbeat comes every 5 s; after this long it is not merely late.
SEEN_WITHIN = timedelta(seconds=30)


def workers() -> str | None:
    """A sentence that names the queues where jobs wait and no worker has been seen, or None."""
    served: set[str] = set()
    for queues in alive().values_list("queues", flat=True):
        served.update(queues)
    deserted = [
        kind.queue
        for kind in registry.kinds()
        if kind.queue not in served and kind.jobs.ready().exists()
    ]
    if not deserted:
        return None
    return (
        f"Jobs wait in {', '.join(deserted)}, but no worker has been seen there for"
        f" {SEEN_WITHIN.seconds} seconds. Start one: python manage.py run_worker"
    )


def alive() -> QuerySet[Worker]:
    """The workers that run, as far as their heartbeat tells."""
    return Worker.objects.filter(stopped_at=None, last_seen_at__gte=Now() - SEEN_WITHIN)
