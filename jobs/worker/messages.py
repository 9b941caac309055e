"""What a worker and those who run its jobs say to each other."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.models.job import Job
from jobs.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Ready:
    """From the runner: prepared, give me a job."""


@dataclass(frozen=True, slots=True)
class Task:
    """To the runner: run this."""

    queue: str
    job: Job


@dataclass(frozen=True, slots=True)
class Report:
    """From the runner: how it ended.

    ``outcome`` is None when nothing is left to be written: the handler finished the job itself
    (``written``), or found that it had lost it. ``retiring``: the runner ends now.
    """

    outcome: Outcome | None
    written: bool = False
    retiring: bool = False
