"""Loaded once by the fork server, so that its children start with everything imported.

Importing it takes effect: it sets Django up and ties the process to the worker's life. Nobody but
the fork server does.
"""

from __future__ import annotations

import gc
import os
import signal

import django
import structlog
from django.db import connections
from django.utils.module_loading import import_string

from jobs.worker import lifeline

log = structlog.get_logger(__name__)


def _load() -> None:
    lifeline.die_with_parent()
    # The worker decides when its children end; a signal to the whole group must not.
    signal.signal(signal.SIGTERM, lifeline.ignore)
    django.setup()
    for kind in import_string("jobs.registry.kinds")():
        if kind.queue in os.environ.get("LACUNA_WORKER_QUEUES", "").split(","):
            try:
                kind.load()
            except Exception as error:  # told again by each child, and by the job
                log.warning("handler cannot be loaded", queue=kind.queue, error=str(error))
    connections.close_all()
    gc.freeze()


try:
    _load()
except Exception as error:  # children then set themselves up, slower, and say what is wrong
    log.warning("the fork server could not prepare", error=str(error))
