"""``manage.py queue_status``: what waits, what runs, who works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from config.commands import OpsCommand
from jobs import status


class Command(OpsCommand):
    """Reads only; safe at any time."""

    help = "Show each queue's jobs by status, the age of the oldest that waits, and the workers."
    example = "queue_status --json"
    exclusive = False
    offers_dry_run = False

    def run(self, **options: Any) -> dict[str, Any]:
        return status.as_json()

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        for queue in outcome["queues"]:
            counts = ", ".join(f"{count} {name}" for name, count in queue["counts"].items())
            yield f"{queue['queue']} ({queue['table']}): {counts or 'empty'}"
            if queue["oldest_ready_seconds"] is not None:
                yield f"  the oldest ready job has waited {queue['oldest_ready_seconds']:.0f} s"
            if queue["workers"] == 0 and queue["oldest_ready_seconds"] is not None:
                yield "  no worker answers. Start one: python manage.py run_worker"
        for worker in outcome["workers"]:
            yield (
                f"worker {worker['name']}: {', '.join(worker['queues'])};"
                f" {worker['concurrency']} at a time, last seen {worker['last_seen_at']:%H:%M:%S}"
            )
        if not outcome["workers"]:
            yield "no worker"
