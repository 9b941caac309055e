"""``manage.py schedule_status``"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from config.commands import OpsCommand
from jobs import schedule


class Command(OpsCommand):
    """Brings the table in step with the code first, as a worker does when it starts."""

    help = "Show what recurs: when it is due next, and how its last run ended."
    example = "schedule_status --json"
    exclusive = False
    offers_dry_run = False

    def run(self, **options: Any) -> dict[str, Any]:
        schedule.synchronise()
        return {"entries": [entry.as_dict() for entry in schedule.standing()]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        for entry in outcome["entries"]:
            yield f"{entry['name']}: {entry['cron']} ({entry['timezone']}). {entry['description']}"
            yield f"  next {_next(entry)}"
            yield f"  last {_last(entry)}"
        if not outcome["entries"]:
            yield "Nothing recurs: no app has declared anything."


def _next(entry: dict[str, Any]) -> str:
    if not entry["declared"]:
        return "never: the code no longer declares it"
    if entry["paused_at"] is not None:
        by = f" by {entry['paused_by']}" if entry["paused_by"] else ""
        return f"not while it is paused, since {_shown(entry['paused_at'])}{by}"
    return _shown(entry["next_at"]) if entry["next_at"] else "never"


def _last(entry: dict[str, Any]) -> str:
    if entry["last_at"] is None:
        return "never"
    run = entry["last_run"]
    if run is None:
        return f"{_shown(entry['last_at'])}, since pruned"
    error = f": {run['error_message']}" if run["status"] == "failed" else ""
    return f"{_shown(entry['last_at'])}, {run['status']}{error}"


def _shown(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S %Z}"
