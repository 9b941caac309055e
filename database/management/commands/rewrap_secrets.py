"""``manage.py rewrap_secrets``"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

from django.core.management.base import CommandError

from config.commands import OpsCommand
from database.encryption import providers, rotation
from database.encryption.errors import EncryptionError
from database.encryption.rewrapping import Run


class Command(OpsCommand):
    """After a new master key, or a move to another provider: brings every secret under it."""

    help = (
        "Wrap the data key of every secret with the newest master key. Can be stopped and repeated."
        " With --dry-run it decrypts what it would change and changes nothing."
    )
    example = "rewrap_secrets --batch-size 500"
    offers_batch_size: ClassVar[bool] = True

    def run(self, **options: Any) -> dict[str, Any]:
        run = Run(batch_size=options["batch_size"], dry_run=options["dry_run"])
        try:
            total = _waiting(providers.wrapping().newest(), rotation.wrapped())
            for _ in self.steps(run.passes(), total=-(-total // run.batch_size), unit="batch"):
                pass
            newest, by_key = providers.wrapping().newest(), rotation.wrapped()
        except EncryptionError as error:
            raise CommandError(
                f"{error} {run.rewrapped} rows were done; run it again for the rest."
            ) from None
        left = 0 if options["dry_run"] else _waiting(newest, by_key) - len(run.undecryptable)
        if run.undecryptable or (left > 0 and not self.stopping):
            self.exit_code = 1
        return {
            "newest_key": newest,
            "rewrapped": run.rewrapped,
            "left": max(left, 0),
            "undecryptable": run.undecryptable,
            "rows_by_key": {
                name or "(none)": sum(found.values()) for name, found in by_key.items()
            },
            "dry_run": options["dry_run"],
        }

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        verb = "Would rewrap" if outcome["dry_run"] else "Rewrapped"
        yield f"{verb} {outcome['rewrapped']} secrets with {outcome['newest_key']}."
        for row in outcome["undecryptable"]:
            place = f"{row['table']}.{row['column']} of row {row['row']}"
            yield f"Undecryptable: {place}: {row['why']}."
        if outcome["left"]:
            yield f"Left for the next run, as others were writing them: {outcome['left']}."
        for name, count in sorted(outcome["rows_by_key"].items()):
            yield f"{name}: {count}"


def _waiting(newest: str, by_key: dict[str, Counter[str]]) -> int:
    """How many secrets are under other keys than the newest."""
    return sum(sum(found.values()) for name, found in by_key.items() if name != newest)
