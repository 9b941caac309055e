"""Registers the queues of the tests."""

from __future__ import annotations

import os
from datetime import timedelta

from jobs.registry import JobKind, register
from jobs.retry import RetryRule
from tests.jobs.queueapp.models import Errand, Parcel, Telegram

# Short, so that tests need not wait.
QUICK = RetryRule(base=0.1, factor=1.0, cap=0.1, jitter=0.0)


# A test that starts a worker may give its errands or telegrams another time limit, in seconds, and
# either queue another handler.
ERRAND_LIMIT = "TEST_ERRAND_LIMIT"
TELEGRAM_LIMIT = "TEST_TELEGRAM_LIMIT"
ERRAND_HANDLER = "TEST_ERRAND_HANDLER"
TELEGRAM_HANDLER = "TEST_TELEGRAM_HANDLER"


def register_all(time_limit: timedelta) -> None:
    """Register the three kinds; ``time_limit`` is that of each job."""

    def limit(name: str) -> timedelta:
        seconds = os.environ.get(name)
        return timedelta(seconds=float(seconds)) if seconds else time_limit

    register(
        JobKind(
            queue="errands",
            model=Errand,
            handler=os.environ.get(ERRAND_HANDLER, "tests.jobs.queueapp.handlers.run_errand"),
            executor="process",
            time_limit=limit(ERRAND_LIMIT),
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
    register(
        JobKind(
            queue="telegrams",
            model=Telegram,
            handler=os.environ.get(TELEGRAM_HANDLER, "tests.jobs.queueapp.telegrams.run_telegram"),
            executor="async",
            time_limit=limit(TELEGRAM_LIMIT),
            retry=QUICK,
            concurrency=100,
        )
    )
