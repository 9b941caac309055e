"""The base class of the operators' commands: the same switches, signals and exit codes for all.

Exit codes: 0 done, 1 failed, 2 wrong usage, 75 (EX_TEMPFAIL) another run of it holds the lock.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any, ClassVar, TypeVar

import structlog
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from tqdm import tqdm

log = structlog.get_logger(__name__)

T = TypeVar("T")

EX_TEMPFAIL = 75
# What the reader of our output does when it has seen enough: 128 + SIGPIPE, as a shell reports it.
EX_PIPE = 141
# Counts beyond this are typing errors, and beyond what the database counts in.
LARGEST = 2**31 - 1

# Called with (command, outcome, details) after each run that changes something; the outcome is
# success, partial or failure. The audit log registers itself here.
observers: list[Callable[[str, str, dict[str, Any]], None]] = []
# Entered around each run, with the command's name.
surroundings: list[Callable[[str], AbstractContextManager[None]]] = []


def positive(text: str) -> int:
    """An argument that is a whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not 1 <= number <= LARGEST:
        raise ArgumentTypeError(f"{number} is not from 1 to {LARGEST}")
    return number


class OpsCommand(BaseCommand):
    """A command that operators run by hand and from schedules.

    A subclass implements ``run(**options) -> dict``: what was done, as the keys of ``--json`` and
    the lines for a person. Long loops go through ``steps(...)``, which shows progress on a terminal
    and ends after the current step when SIGTERM or SIGINT asks.
    """

    # Shown at the end of --help.
    example: ClassVar[str] = ""
    # Whether a second run at the same time is refused; whether it offers --dry-run, --batch-size.
    exclusive: ClassVar[bool] = True
    offers_dry_run: ClassVar[bool] = True
    offers_batch_size: ClassVar[bool] = False
    batch_size: ClassVar[int] = 1000
    # Whether runs are told to the observers: not where a command only looks.
    records: ClassVar[bool] = True

    stopping = False
    # A run that did its work but must not count as a success, such as one with refused files.
    exit_code = 0

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Django's parser, with the example below the help."""
        if self.example:
            kwargs.setdefault("epilog", f"example:\n  python manage.py {self.example}")
            kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """The switches that every such command has."""
        if self.offers_dry_run:
            parser.add_argument(
                "--dry-run", action="store_true", help="say what would be done, change nothing"
            )
        parser.add_argument(
            "--json", action="store_true", help="print the outcome as JSON, and nothing else"
        )
        if self.offers_batch_size:
            parser.add_argument(
                "--batch-size",
                type=positive,
                default=self.batch_size,
                help=f"rows changed in one transaction ({self.batch_size})",
            )

    @property
    def name(self) -> str:
        """The command's name, which is its module's."""
        return type(self).__module__.rpartition(".")[2]

    def handle(self, *args: Any, **options: Any) -> None:
        """Take the lock, run, and print the outcome."""
        self._terminal = sys.stderr.isatty() and not options["json"]
        self._watched = self.records and not options.get("dry_run")
        started = time.monotonic()
        with self._signals(), self._lock(), ExitStack() as around:
            for surrounding in surroundings:
                around.enter_context(surrounding(self.name))
            try:
                outcome = self.run(**options)
            except OperationalError as error:
                # The server may be back already: on another connection the failure is recorded.
                connections[DEFAULT_DB_ALIAS].close_if_unusable_or_obsolete()
                self._observe("failure", {"error": str(error)})
                raise CommandError(f"The database does not answer: {error}".strip()) from error
            except BaseException as error:
                self._observe("failure", {"error": str(error)})
                raise
        outcome = {**outcome, "stopped_early": True} if self.stopping else outcome
        ended = "partial" if self.exit_code else "success"
        self._observe(ended, {**outcome, "seconds": round(time.monotonic() - started, 3)})
        self._print(outcome, as_json=options["json"])
        if self.exit_code:
            raise SystemExit(self.exit_code)

    def _print(self, outcome: dict[str, Any], *, as_json: bool) -> None:
        """Write the outcome; a reader that leaves early is no fault of the command."""
        try:
            if as_json:
                self.stdout.write(json.dumps(outcome, default=str, sort_keys=True))
            else:
                for line in self.describe(outcome):
                    self.stdout.write(line)
            self.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(EX_PIPE) from None
        except OSError as error:
            raise CommandError(f"The outcome could not be written: {error.strerror}.") from None

    def run(self, **options: Any) -> dict[str, Any]:
        """Do the work and return what was done."""
        raise NotImplementedError(f"{type(self).__name__} must implement run().")

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        """The outcome as lines for a person."""
        for key, value in outcome.items():
            yield f"{key.replace('_', ' ')}: {value}"

    def steps(
        self, items: Iterable[T], *, total: int | None = None, unit: str = "row"
    ) -> Iterator[T]:
        """Go through ``items`` with a progress bar on a terminal; stop when asked to."""
        with tqdm(items, total=total, unit=unit, disable=not self._terminal, leave=False) as bar:
            for item in bar:
                if self.stopping:
                    return
                yield item

    def _observe(self, outcome: str, details: dict[str, Any]) -> None:
        log.info("command ended", command=self.name, outcome=outcome, **details)
        if self._watched:
            for observer in observers:
                observer(self.name, outcome, details)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let the current step end; a second signal ends at once."""

        def stop(number: int, frame: FrameType | None) -> None:
            if self.stopping:
                raise KeyboardInterrupt
            self.stopping = True
            self.stderr.write("Stopping after the current step; once more stops at once.")

        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            for number in before:
                signal.signal(number, stop)
        except ValueError:  # not the main thread, as in a test: no signals to guard against
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the command's lock for its run, in this database; it ends with the connection."""
        if not self.exclusive:
            yield
            return
        key = f"command {self.name}"
        try:
            cursor = connections[DEFAULT_DB_ALIAS].cursor()
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}".strip()) from error
        with cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
            if not cursor.fetchone()[0]:
                raise CommandError(
                    f"Another {self.name} is running. Wait for it to end, then try again.",
                    returncode=EX_TEMPFAIL,
                )
        try:
            yield
        finally:
            # A connection that broke has taken the lock along; what broke it is what is told.
            with suppress(OperationalError), connections[DEFAULT_DB_ALIAS].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])
