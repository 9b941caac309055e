"""Errands in the states in which a test needs them: waiting, claimed, running."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from jobs.retry import RetryRule
from tests.jobs.queueapp.models import Errand

LIMIT = timedelta(minutes=1)  # how long a claimed errand may run
NOW = RetryRule(base=0, cap=0)  # what has failed is tried again at once


def claim_one(worker: str = "w1") -> Errand:
    """The errand whose turn it is, claimed by that worker; fails if none is ready."""
    [job] = Errand.objects.claim(worker, 1, time_limit=LIMIT)
    return job


def waiting(**fields: Any) -> Errand:
    """A new errand in line."""
    [job] = Errand.objects.enqueue([Errand(**fields)])
    return job


def running(worker: str = "w1", **fields: Any) -> Errand:
    """A new errand, claimed by that worker; none may be ready before it."""
    waiting(**fields)
    return claim_one(worker)
