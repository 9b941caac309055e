"""``manage.py run_worker``: works on queues until it is stopped."""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS
from typing import Any, Final

import structlog
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError, connections

from database.connections import lends_other_sessions
from jobs import registry
from jobs.errors import UnknownQueue
from jobs.management.arguments import seconds, whole
from jobs.models import Worker
from jobs.worker.connections import for_long_life
from jobs.worker.dispatcher import Dispatcher
from jobs.worker.options import Options, Timing

log = structlog.get_logger(__name__)

MOST_AT_ONCE: Final = 1000
# Job processes for each core, beyond which they only take each other's time and memory.
_MANY_FOR_A_CORE: Final = 8
_A_DAY: Final = 86_400.0
_MOST_JOBS: Final = 1_000_000_000
_MOST_MB: Final = 1 << 24  # 16 TiB


class Command(BaseCommand):
    """A worker. Start as many as there is work for, on as many machines as reach the database."""

    help = "Work on queues until stopped. SIGTERM or Ctrl-C lets running jobs finish first."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        cores = len(os.sched_getaffinity(0))
        parser.add_argument(
            "queue", nargs="*", help="the queues to work on, by name (all there are)"
        )
        parser.add_argument("--queues", metavar="A,B", help="the same as an option")
        parser.add_argument(
            "--concurrency",
            metavar="JOBS",
            type=whole(1, MOST_AT_ONCE),
            default=cores,
            help=f"jobs at the same time, up to {MOST_AT_ONCE} (one for each core: {cores}); above"
            f" {_MANY_FOR_A_CORE * cores} of a queue whose jobs run in processes, the log warns",
        )
        parser.add_argument(
            "--drain", action="store_true", help="end when no job waits or runs any more"
        )
        parser.add_argument(
            "--poll",
            metavar="SECONDS",
            type=seconds(0, _A_DAY),
            default=1.0,
            help="seconds between looks at the queues when nobody notifies (1)",
        )
        parser.add_argument(
            "--grace",
            metavar="SECONDS",
            type=seconds(0, _A_DAY),
            default=30.0,
            help="seconds that running jobs get when the worker is stopped (30)",
        )
        parser.add_argument(
            "--recycle-after",
            metavar="JOBS",
            type=whole(1, _MOST_JOBS),
            default=500,
            help="jobs after which a job process is replaced (500)",
        )
        parser.add_argument(
            "--recycle-above",
            metavar="MB",
            type=whole(1, _MOST_MB),
            default=1024,
            help="memory above which a job process is replaced after its job (1024)",
        )
        parser.add_argument(
            "--memory-limit",
            metavar="MB",
            type=whole(1, _MOST_MB),
            default=4096,
            help="memory above which a job is stopped (4096)",
        )
        # Tests live faster: every interval of heartbeat, lease and rescue times this.
        parser.add_argument("--pace", type=seconds(0.001, 1000), default=1.0, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Options(
            queues=self._queues(options["queue"], options["queues"]),
            concurrency=options["concurrency"],
            drain=options["drain"],
            poll=max(0.01, options["poll"]),
            grace=options["grace"],
            recycle_after=options["recycle_after"],
            recycle_above=options["recycle_above"] << 20,
            memory_limit=options["memory_limit"] << 20,
            timing=Timing().at_pace(options["pace"]),
        )
        self._warn_of_many(chosen)
        for_long_life("lacuna worker")
        self._check_tables()
        dispatcher = Dispatcher(chosen)
        dispatcher.run()
        if dispatcher.exit_code:
            sys.exit(dispatcher.exit_code)

    def _queues(self, named: list[str], listed: str | None) -> tuple[str, ...]:
        if not named and listed is None:
            found = tuple(kind.queue for kind in registry.kinds())
            if not found:
                raise CommandError("There is no queue to work on: no app has registered one.")
            return found
        try:
            names = [*named, *("" if listed is None else listed).split(",")]
            wanted = [name.strip() for name in names if name.strip()]
            if not wanted:
                raise CommandError("--queues names no queue. Leave it out to work on all of them.")
            return tuple(registry.kind(name).queue for name in dict.fromkeys(wanted))
        except UnknownQueue as error:
            raise CommandError(str(error)) from error

    def _warn_of_many(self, chosen: Options) -> None:
        """Say so, where job processes would crowd the machine; threads may be many."""
        cores = len(os.sched_getaffinity(0))
        kinds = (registry.kind(name) for name in chosen.queues)
        crowded = [
            kind.queue
            for kind in kinds
            if kind.executor == "process"
            and kind.places(chosen.concurrency) > _MANY_FOR_A_CORE * cores
        ]
        if crowded:
            log.warning(
                "more job processes than the machine can serve: lower --concurrency",
                concurrency=chosen.concurrency,
                cores=cores,
                queues=crowded,
            )

    def _check_tables(self) -> None:
        try:
            Worker.objects.exists()
            if lent := lends_other_sessions():
                raise CommandError(
                    f"The pooler lends sessions of {lent}, who sees no jobs. Let the pool of the"
                    " workers begin each session as the system (in PgBouncer: connect_query = 'SET"
                    " ROLE lacuna_system'), or let DATABASE_URL lead to the server itself."
                )
        except ProgrammingError as error:
            raise CommandError(
                f"The tables of the job engine are missing. Run: python manage.py migrate ({error})"
            ) from error
        except OperationalError as error:  # it waits for its server, as it would later on
            self.stderr.write(f"The database does not answer yet: {error}")
            connections.close_all()
