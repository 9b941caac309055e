"""Which job the code runs for, so that its log lines say so."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.models.job import Job

# Set around each handler; read only when a line is written.
current: ContextVar[tuple[str, Job] | None] = ContextVar("current_job", default=None)


def for_logs() -> dict[str, Any]:
    """What a log line says of the job; see ``config.logs``."""
    found = current.get()
    if found is None:
        return {}
    queue, job = found
    return {"queue": queue, "job_id": str(job.id), "attempt": job.attempt}
