"""``manage.py schedule_status``"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from config.commands import OpsCommand
from jobs import schedule
from jobs.printable import one_line

_PENDING: Final = {
    "add": "the database does not know it yet: no worker has started since the code declared it",
    "change": "the code declares it otherwise by now; the next worker to start takes that up",
    "retire": "the code no longer declares it; the next worker to start takes it out",
}


class Command(OpsCommand):
    """Reads only; safe at any time. What the workers do not know yet is marked."""

    help = "Show what recurs: when it is due next, and how its last run ended."
    example = "schedule_status --json"
    exclusive = False
    offers_dry_run = False
    records = False

    def run(self, **options: Any) -> dict[str, Any]:
        return {"entries": [entry.as_dict() for entry in schedule.outlook()]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        """The lines for a person; what people or errors wrote cannot steer the terminal."""
        return map(one_line, self._lines(outcome))

    def _lines(self, outcome: dict[str, Any]) -> Iterator[str]:
        for entry in outcome["entries"]:
            yield f"{entry['name']}: {entry['cron']} ({entry['timezone']}). {entry['description']}"
            yield f"  next {_next(entry)}"
            yield f"  last {_last(entry)}"
            if entry["pending"]:
                yield f"  {_PENDING[entry['pending']]}"
        if not outcome["entries"]:
            yield "Nothing recurs: no app has declared anything."


def _next(entry: dict[str, Any]) -> str:
    if not entry["declared"]:
        return "never: the code no longer declares it"
    if entry["paused_at"] is not None:
        by = f" by {entry['paused_by']}" if entry["paused_by"] else ""
        why = f": {entry['pause_reason']}" if entry["pause_reason"] else ""
        return f"not while it is paused, since {_shown(entry['paused_at'])}{by}{why}"
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
