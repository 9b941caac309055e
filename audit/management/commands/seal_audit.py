"""``manage.py seal_audit``: orders, links and signs the audit log until it is stopped."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Iterator
from typing import Any, ClassVar, Final

import psycopg
from django.core.management.base import CommandError, CommandParser

from audit.errors import AuditError
from audit.sealing import running
from audit.sealing.sealer import AnotherSealer
from config.commands import EX_TEMPFAIL, OpsCommand

_SHORTEST: Final = 0.01
_LONGEST: Final = 60.0


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not _SHORTEST <= found <= _LONGEST:
        raise ArgumentTypeError(f"{text} is not from {_SHORTEST:g} to {_LONGEST:g} seconds")
    return found


class Command(OpsCommand):
    """The sealer: one process for each database, on a machine that has the signing keys."""

    help = (
        "Seal the audit log and publish its checkpoints until stopped. SIGTERM or Ctrl-C lets the"
        " batch be finished and published first. A second one at the same time ends with code 75."
    )
    example = "seal_audit --once --json"
    offers_dry_run: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False  # the sealer has a lock of its own, for as long as it lives
    records: ClassVar[bool] = False  # an entry about sealing would have to be sealed in its turn

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--once", action="store_true", help="seal and publish what there is, then end"
        )
        parser.add_argument(
            "--interval",
            metavar="SECONDS",
            type=_seconds,
            default=1.0,
            help="seconds between looks at new entries (1)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        running.for_long_life()
        try:
            if options["once"]:
                totals = running.seal_once()
            else:
                totals = running.Running(
                    interval=options["interval"], stopping=lambda: self.stopping
                ).run()
        except AnotherSealer as error:
            raise CommandError(str(error), returncode=EX_TEMPFAIL) from None
        except AuditError as error:
            raise CommandError(str(error)) from None
        except (psycopg.ProgrammingError, psycopg.DataError) as error:  # SET ROLE fails with either
            raise CommandError(
                f"The database is not set up for the audit log ({error.diag.message_primary})."
                " Run: python manage.py create_roles, then python manage.py migrate"
            ) from None
        except psycopg.OperationalError as error:
            raise CommandError(f"The database does not answer: {error}".strip()) from error
        if totals.problem:
            self.exit_code = 1
        return totals.as_dict()

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        yield (
            f"Sealed {outcome['entries']} entries in {outcome['batches']} batches; the log has"
            f" {outcome['size']} leaves. {outcome['published'] or 'No'} checkpoint"
            f"{'s were' if outcome['published'] > 1 else ' was'} new to a target."
        )
        if outcome["problem"]:
            yield outcome["problem"]
