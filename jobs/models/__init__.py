"""The columns of a queue, and the table of workers."""

from jobs.models.job import Job, States
from jobs.models.worker import Worker

__all__ = ["Job", "States", "Worker"]
