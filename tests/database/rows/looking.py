"""Jobs that note whose rows they see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from accounts.models import ApiKey, User
from jobs.asynchronous import in_thread
from jobs.lease import holding, report_progress


def look(job: Any) -> None:
    """Write what a query alone and one in the job's transaction find into the job's file."""
    alone = owners()
    report_progress(job, done=1, total=2)
    with holding(job, finish=True):
        report = {"alone": alone, "held": owners(), "people": User.objects.count()}
        Path(job.payload["file"]).write_text(json.dumps(report), encoding="ascii")


async def look_async(job: Any) -> None:
    """The same as a coroutine."""
    await in_thread(look, job)


def owners() -> list[str]:
    """Whose API keys a query finds."""
    return sorted({str(owner) for owner in ApiKey.objects.values_list("user_id", flat=True)})
