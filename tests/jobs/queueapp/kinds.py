"""Registers the queues of the tests."""

from __future__ import annotations

from datetime import timedelta

from jobs.registry import JobKind, register
from jobs.retry import RetryRule
from tests.jobs.queueapp.models import Errand, Parcel

# Short, so that tests need not wait.
QUICK = RetryRule(base=0.1, factor=1.0, cap=0.1, jitter=0.0)


def register_all(time_limit: timedelta) -> None:
    register(
        JobKind(
            queue="errands",
            model=Errand,
            handler="tests.jobs.queueapp.handlers.run_errand",
            executor="process",
            time_limit=time_limit,
            retry=QUICK,
            prepare="tests.jobs.queueapp.handlers.prepare",
        )
    )
    register(
        JobKind(
            queue="parcels",
            model=Parcel,
            handler="tests.jobs.queueapp.handlers.run_parcel",
            executor="thread",
            time_limit=time_limit,
            retry=QUICK,
        )
    )
