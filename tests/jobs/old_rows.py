"""Old rows for housekeeping to look at, how long such are kept, and which of them are left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from database.fields import uuid7
from database.models import SystemSetting
from jobs.models import Attempt
from jobs.moments import database_now
from tests.jobs.queueapp.models import Errand


def key_of(moment: datetime) -> UUID:
    """A key as it was made at the moment."""
    rest = uuid7().int & (1 << 80) - 1
    return UUID(int=int(moment.timestamp() * 1000) << 80 | rest)


def ended(
    days: float, status: str = "completed", *, made: float | None = None, **fields: Any
) -> Any:
    """An errand that ended so many days ago, made then or ``made`` days ago."""
    now = database_now()
    created = now - timedelta(days=days if made is None else made)
    moments = {"created_at": created, "completed_at": now - timedelta(days=days)}
    return Errand.objects.create(id=key_of(created), status=status, **(moments | fields))


def attempt_of(job: Any, **fields: Any) -> Attempt:
    """A failed attempt of that job, the first unless ``fields`` say otherwise."""
    options = {"table_name": "test_errands", "job_id": job.pk, "attempt": 1, "outcome": "failed"}
    return Attempt.objects.create(**(options | fields))


def setting(key: str, value: Any) -> None:
    """Set a system setting, such as for how many days jobs are kept."""
    SystemSetting.objects.update_or_create(setting_key=key, defaults={"setting_value": value})


def left() -> set[UUID]:
    """The keys of all errands that there are."""
    return set(Errand.objects.values_list("id", flat=True))
