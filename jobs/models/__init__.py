"""The columns of a queue, and the tables that every queue shares."""

from jobs.models.attempt import Attempt
from jobs.models.job import Job, States
from jobs.models.queue import Line, Queue
from jobs.models.recurring import Missed, Recurrence, RecurringJob
from jobs.models.statistic import Statistic
from jobs.models.worker import Worker

__all__ = [
    "Attempt",
    "Job",
    "Line",
    "Missed",
    "Queue",
    "Recurrence",
    "RecurringJob",
    "States",
    "Statistic",
    "Worker",
]
