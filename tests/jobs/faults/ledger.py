"""Telegrams by the hundred, and the proof that each was delivered exactly once."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from jobs.models import Attempt
from tests.jobs.queueapp.models import Receipt, Telegram
from tests.jobs.workers import WorkerProcess, eventually

# Jobs that an accident may hit again and again while it lasts.
MANY_RETRIES = 1000


def send(number: int, do: str = "sleep", *, retries: int = 3, **payload: Any) -> list[UUID]:
    """Enqueue so many telegrams; a receipt and the job's end are written in one transaction."""
    jobs = [
        Telegram(payload={"do": do, "finish": True, **payload}, max_retries=retries)
        for _ in range(number)
    ]
    return [job.id for job in Telegram.objects.enqueue(jobs)]


def held_by(worker: WorkerProcess) -> QuerySet[Telegram]:
    """The telegrams that the worker runs."""
    return Telegram.objects.filter(status="processing", worker_id__contains=f":{worker.pid}:")


def holds(worker: WorkerProcess, number: int, *, within: float = 30) -> None:
    """Wait until the worker runs so many telegrams."""
    eventually(
        lambda: held_by(worker).count() >= number,
        within=within,
        what=f"the worker's hold on {number} jobs",
    )


def delivered_once(number: int, *, within: float = 30) -> None:
    """Wait for the end of all telegrams: each is completed, with one receipt of that attempt."""
    try:
        eventually(lambda: not Telegram.objects.live().exists(), within=within)
    finally:
        print(Counter(Telegram.objects.values_list("status", "attempt", "error_message")))  # noqa: T201 - shown by pytest when the test fails
    ends = set(Telegram.objects.values_list("id", "attempt", "status"))
    receipts = list(Receipt.objects.values_list("job_id", "attempt"))
    assert len(ends) == number
    assert {status for _, _, status in ends} == {"completed"}
    assert sorted(receipts) == sorted((key, attempt) for key, attempt, _ in ends)


def outcomes() -> Counter[str]:
    """How attempts at telegrams ended that did not end well."""
    attempts = Attempt.objects.filter(table_name="test_telegrams")
    return Counter(attempts.values_list("outcome", flat=True))
