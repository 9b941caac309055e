"""``manage.py queue_status``: what waits, what runs, who works."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from django.core.management.base import CommandParser
from django.db import InterfaceError, OperationalError, connections

from config.admin.formats import duration, exact_moment
from config.commands import OpsCommand
from jobs import status
from jobs.management import arguments
from jobs.printable import one_line

# On a terminal: to the upper left corner, to the end of the line, to the end of the screen.
_HOME, _REST_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"
_CLEAR = "\x1b[2J"
_LONGEST_INTERVAL = 86_400


class _Stopped(Exception):
    """Somebody has seen enough."""


class Command(OpsCommand):
    """Reads only; safe at any time."""

    help = (
        "Show each queue's jobs, its switches, the last hour, the age of the oldest job that"
        " waits, and the workers."
    )
    example = "queue_status --watch --interval 5"
    exclusive = False
    offers_dry_run = False
    records = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--watch",
            action="store_true",
            help="show it again and again until Ctrl-C; with --json one line each time",
        )
        parser.add_argument(
            "--interval",
            metavar="SECONDS",
            type=arguments.whole(1, _LONGEST_INTERVAL, "of seconds"),
            default=2,
            help=f"seconds between looks, 1 to {_LONGEST_INTERVAL} (2)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["watch"]:
            super().handle(*args, **options)
            return
        self._terminal = False  # no progress bar
        with suppress(_Stopped), _signals_stop():
            self._watch(as_json=options["json"], interval=options["interval"])

    def run(self, **options: Any) -> dict[str, Any]:
        return status.as_json()

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        """The lines for a person; what people or plain SQL wrote cannot steer the terminal."""
        return map(one_line, self._lines(outcome))

    def _lines(self, outcome: dict[str, Any]) -> Iterator[str]:
        if "problem" in outcome:
            yield outcome["problem"]
            return
        for queue in outcome["queues"]:
            yield from _about_queue(queue)
        for worker in outcome["workers"]:
            yield (
                f"worker {worker['name']}: {', '.join(worker['queues'])};"
                f" {worker['busy']} of {worker['concurrency']} at a time,"
                f" {'listens' if worker['listens'] else 'polls'},"
                f" last seen {worker['last_seen_at']:%H:%M:%S}"
            )
        if not outcome["workers"]:
            yield "no worker"

    def _watch(self, *, as_json: bool, interval: int) -> None:
        in_place = not as_json and self.stdout.isatty()
        if in_place:
            self.stdout.write(_CLEAR, ending="")
        while True:
            outcome = self._look(interval)
            if in_place:
                self._redraw(list(self.describe(outcome)))
            else:
                self._print(outcome, as_json=as_json)
                if not as_json:
                    self._print_line("")
            time.sleep(interval)

    def _look(self, interval: int) -> dict[str, Any]:
        """How it stands now; while the database is away, that."""
        try:
            return self.run()
        except (OperationalError, InterfaceError) as error:
            connections.close_all()
            first = str(error).strip().partition("\n")[0]
            return {
                "problem": f"The database does not answer: {first}"
                f" Asked again every {interval} s; Ctrl-C ends."
            }

    def _print_line(self, line: str) -> None:
        with suppress(BrokenPipeError):  # the next outcome says so
            self.stdout.write(line)
            self.stdout.flush()

    def _redraw(self, lines: list[str]) -> None:
        """Over what stood there before; what does not fit on the screen is left out."""
        width, height = shutil.get_terminal_size()
        title = f"{time.strftime('%H:%M:%S')}, Ctrl-C ends"
        shown = [line[: width - 1] for line in (title, "", *lines)]
        if len(shown) >= height > 3:
            left_out = len(shown) - height + 2
            shown = [*shown[: height - 2], f"and {left_out} more lines"]
        picture = "".join(f"{line}{_REST_OF_LINE}\n" for line in shown)
        self.stdout.write(f"{_HOME}{picture}{_REST}", ending="")
        self.stdout.flush()


@contextmanager
def _signals_stop() -> Iterator[None]:
    """SIGINT and SIGTERM end the waiting at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Stopped

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _about_queue(queue: dict[str, Any]) -> Iterator[str]:
    counts = ", ".join(f"{count} {name}" for name, count in queue["counts"].items())
    yield f"{queue['queue']} ({queue['table']}): {counts or 'empty'}"
    if queue["paused_at"] is not None:
        by = f" by {queue['paused_by']}" if queue["paused_by"] else ""
        why = f": {queue['pause_reason']}" if queue["pause_reason"] else ""
        yield f"  paused since {_plain(exact_moment(queue['paused_at']))}{by}{why}"
    if queue["rate_limit"] is not None:
        yield f"  at most {queue['rate_limit']} jobs in {queue['rate_seconds']} s"
    hour = queue["last_hour"]
    if any(hour.values()):
        ended = ", ".join(f"{count} {name}" for name, count in hour.items() if count)
        yield f"  last hour: {ended}; {queue['per_minute']:.1f} a minute now"
        for name in ("wait", "run"):
            values = queue[f"{name}_seconds"].items()
            shown = ", ".join(f"{key} {_seconds(value)}" for key, value in values)
            yield f"  {name:<4} {shown}"
    if queue["oldest_ready_seconds"] is not None:
        yield f"  the oldest ready job has waited {queue['oldest_ready_seconds']:.0f} s"
        if queue["workers"] == 0:
            yield "  no worker answers. Start one: python manage.py run_worker"


def _seconds(value: float | None) -> str:
    return _plain(duration(None if value is None else value * 1000))


def _plain(text: str) -> str:
    """Without the characters that not every terminal has."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{EN DASH}", "-")
