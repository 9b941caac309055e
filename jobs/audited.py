"""What the audit log records of queues, jobs and the schedule."""

from __future__ import annotations

from dataclasses import replace

from audit.context import PROVIDERS, Context
from audit.registry import Action, register, register_guarded
from jobs.context import current


def declare() -> None:
    """Add the actions to the registry, and have entries written in a job's course name it."""
    register_guarded("queue", word="config_change")
    register_guarded("schedule_entry", word="config_change")
    register_guarded("job")
    register(
        Action("queue.paused", "Workers begin no job of the queue.", "config_change"),
        Action("queue.resumed", "Workers begin jobs of the queue again.", "config_change"),
        Action("queue.limited", "The queue's rate was set or lifted.", "config_change"),
        Action("job.retried", "A failed job was put in line once more."),
        Action("job.cancelled", "A job was cancelled, or asked to stop."),
        Action("jobs.retried", "Failed jobs of a queue were put in line once more."),
        Action("jobs.cancelled", "Jobs of a queue were cancelled, or asked to stop."),
        Action("jobs.pruned", "Jobs that ended long ago were deleted."),
        Action("storage.cleaned", "Stored files that no row needs were removed."),
        Action("schedule_entry.paused", "Ticks pass without a run.", "config_change"),
        Action("schedule_entry.resumed", "The entry runs again.", "config_change"),
        Action("schedule_entry.started", "A run was asked for beside the schedule."),
    )
    if of_the_job not in PROVIDERS:
        PROVIDERS.append(of_the_job)


def of_the_job(context: Context) -> Context:
    """The circumstances, with the job in whose course the entry is written."""
    found = current.get()
    if found is None:
        return context
    return replace(context, source="job", job_id=str(found[1].pk))
