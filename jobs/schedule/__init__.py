"""Recurring work: declared in code, kept in the database, run as jobs of the queue ``recurring``.

An app declares what recurs in ``AppConfig.ready``::

    register(Recurring(name="tidy_up", cron="17 3 * * *", run="shop.actions.shelves.tidy_up"))

Each worker writes the declarations to ``job_schedule`` when it starts (``synchronise``) and calls
``tick()`` about once a second. A run is a row of ``recurring_jobs``: its retries, time limit and
history are those of any other job.
"""

from jobs.models.recurring import Missed
from jobs.schedule.declarations import Recurring, entries, entry, register
from jobs.schedule.errors import NotNow, UnknownEntry, WrongCron
from jobs.schedule.keeping import pause, resume, synchronise
from jobs.schedule.report import Standing, outlook, standing
from jobs.schedule.ticking import run_now, tick

__all__ = [
    "Missed",
    "NotNow",
    "Recurring",
    "Standing",
    "UnknownEntry",
    "WrongCron",
    "entries",
    "entry",
    "outlook",
    "pause",
    "register",
    "resume",
    "run_now",
    "standing",
    "synchronise",
    "tick",
]
