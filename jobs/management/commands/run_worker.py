"""``manage.py run_worker``: works on queues until it is stopped."""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError, connections

from config.commands import positive
from jobs import registry
from jobs.errors import UnknownQueue
from jobs.models import Worker
from jobs.worker.connections import for_long_life
from jobs.worker.dispatcher import Dispatcher
from jobs.worker.options import Options, Timing


def seconds(text: str) -> float:
    """An argument that is a time span in seconds, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not 0 <= number < 1e9:
        raise ArgumentTypeError(f"{text} is not a time span in seconds")
    return number


class Command(BaseCommand):
    """A worker. Start as many as there is work for, on as many machines as reach the database."""

    help = "Work on queues until stopped. SIGTERM or Ctrl-C lets running jobs finish first."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        cores = len(os.sched_getaffinity(0))
        parser.add_argument(
            "--queues", metavar="A,B", help="the queues to work on, by name (all there are)"
        )
        parser.add_argument(
            "--concurrency",
            metavar="JOBS",
            type=positive,
            default=cores,
            help=f"jobs at the same time (one for each core: {cores})",
        )
        parser.add_argument(
            "--drain", action="store_true", help="end when no job waits or runs any more"
        )
        parser.add_argument(
            "--poll",
            metavar="SECONDS",
            type=seconds,
            default=1.0,
            help="seconds between looks at the queues when nobody notifies (1)",
        )
        parser.add_argument(
            "--grace",
            metavar="SECONDS",
            type=seconds,
            default=30.0,
            help="seconds that running jobs get when the worker is stopped (30)",
        )
        parser.add_argument(
            "--recycle-after",
            metavar="JOBS",
            type=positive,
            default=500,
            help="jobs after which a job process is replaced (500)",
        )
        parser.add_argument(
            "--recycle-above",
            metavar="MB",
            type=positive,
            default=1024,
            help="memory above which a job process is replaced after its job (1024)",
        )
        parser.add_argument(
            "--memory-limit",
            metavar="MB",
            type=positive,
            default=4096,
            help="memory above which a job is stopped (4096)",
        )
        # Tests live faster: every interval of heartbeat, lease and rescue times this.
        parser.add_argument("--pace", type=seconds, default=1.0, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Options(
            queues=self._queues(options["queues"]),
            concurrency=options["concurrency"],
            drain=options["drain"],
            poll=max(0.01, options["poll"]),
            grace=options["grace"],
            recycle_after=options["recycle_after"],
            recycle_above=options["recycle_above"] << 20,
            memory_limit=options["memory_limit"] << 20,
            timing=Timing().at_pace(options["pace"]),
        )
        for_long_life("lacuna worker")
        self._check_tables()
        dispatcher = Dispatcher(chosen)
        dispatcher.run()
        if dispatcher.exit_code:
            sys.exit(dispatcher.exit_code)

    def _queues(self, names: str | None) -> tuple[str, ...]:
        if names is None:
            found = tuple(kind.queue for kind in registry.kinds())
            if not found:
                raise CommandError("There is no queue to work on: no app has registered one.")
            return found
        try:
            wanted = [name.strip() for name in names.split(",") if name.strip()]
            if not wanted:
                raise CommandError("--queues names no queue. Leave it out to work on all of them.")
            return tuple(registry.kind(name).queue for name in dict.fromkeys(wanted))
        except UnknownQueue as error:
            raise CommandError(str(error)) from error

    def _check_tables(self) -> None:
        try:
            Worker.objects.exists()
        except ProgrammingError as error:
            raise CommandError(
                f"The tables of the job engine are missing. Run: python manage.py migrate ({error})"
            ) from error
        except OperationalError as error:  # it waits for its server, as it would later on
            self.stderr.write(f"The database does not answer yet: {error}")
            connections.close_all()
