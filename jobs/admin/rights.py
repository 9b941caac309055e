"""Who may do what about jobs, on every page; docs/jobs.md has the table.

Whoever may switch a queue may also retry and cancel its jobs one by one, whichever package they
belong to. Whoever may change the jobs of one table may do so there, and switches no queue.
"""

from __future__ import annotations

from typing import Final

from django.db.models import Model
from django.http import HttpRequest

_QUEUES: Final = "jobs.change_queue"
_SCHEDULE: Final = "jobs.change_recurrence"


def may_switch_queues(request: HttpRequest) -> bool:
    """Pause, resume and limit a queue, and retry all of it that failed."""
    return request.user.has_perm(_QUEUES)


def may_steer_jobs(request: HttpRequest, model: type[Model]) -> bool:
    """Retry, cancel and move single jobs of this table."""
    own = f"{model._meta.app_label}.change_{model._meta.model_name}"
    return request.user.has_perm(_QUEUES) or request.user.has_perm(own)


def may_switch_schedule(request: HttpRequest) -> bool:
    """Pause and resume an entry of the schedule, and run it now."""
    return request.user.has_perm(_SCHEDULE)
