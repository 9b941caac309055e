"""``manage.py verify_audit``"""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from audit import keyring
from audit.errors import AuditError
from audit.proofs.checkpoints import PinnedKey
from audit.proofs.errors import NoteError
from audit.publishing import targets
from audit.publishing.errors import PublishingFailed
from audit.recording import record
from audit.verification import Effort, verify
from config.commands import OpsCommand, positive


def moment(text: str) -> datetime:
    """An argument that is a day or a moment; UTC unless it says otherwise."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is no moment; write 2026-11-21 or 2026-11-21T10:00"
        ) from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


class Command(OpsCommand):
    """Exit code 1 when anything is not as it was sealed."""

    help = (
        "Verify the audit log: every entry gives its leaf, every batch follows the one before,"
        " every checkpoint is signed, and the log still has what was published of it. Begins where"
        " the last verification ended; --full begins at the first entry. Exit code 1 and the first"
        " bad entry when something is wrong."
    )
    example = "verify_audit --full --processes 2"
    exclusive: ClassVar[bool] = False
    offers_dry_run: ClassVar[bool] = False
    records: ClassVar[bool] = False  # it writes an entry of its own

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--full", action="store_true", help="from the first entry on")
        where.add_argument(
            "--since", type=moment, metavar="MOMENT", help="what was sealed since (2026-11-21)"
        )
        parser.add_argument(
            "--checkpoint",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="a checkpoint that somebody else has kept; the log must still have it",
        )
        parser.add_argument(
            "--key",
            action="append",
            default=[],
            metavar="KEY",
            help="believe this public key alone (KEY or 'KEY 0-5000'); default: AUDIT_TRUSTED_KEYS",
        )
        parser.add_argument(
            "--processes",
            type=positive,
            default=os.cpu_count() or 1,
            help="processes that compare entries (one for each core)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        try:
            pins = _pins(options["key"])
            published, unasked = _published(pins)
            notes = published + [(str(file), _read(file)) for file in options["checkpoint"]]
            with tqdm(unit="entry", disable=not self._terminal, leave=False) as bar:
                report = verify(
                    pins,
                    full=options["full"],
                    since=options["since"],
                    notes=notes,
                    effort=Effort(
                        options["processes"], lambda done, total: _show(bar, done, total)
                    ),
                )
        except AuditError as error:
            raise CommandError(str(error)) from None
        self.exit_code = 0 if report.ok else 1
        outcome = {**report.as_json(), "not_asked": unasked}
        record(
            "audit_log.verified",
            subject=("audit_log", ""),
            outcome="success" if report.ok else "failure",
            error=report.findings[0].text if report.findings else "",
            details={
                name: outcome[name] for name in ("size", "entries", "from_batch", "found", "ok")
            },
        )
        return outcome

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        for one in outcome["findings"]:
            yield one["text"]
        if outcome["found"] > len(outcome["findings"]):
            yield f"… and {outcome['found'] - len(outcome['findings'])} more."
        for name in outcome["not_asked"]:
            yield f"Not asked: {name}"
        what = "everything" if outcome["from_batch"] == 1 else f"batch {outcome['from_batch']} on"
        yield (
            f"Verified {what}: {outcome['entries']:,} entries in {outcome['batches']:,} batches,"
            f" {outcome['retired']:,} of them retired, {outcome['checkpoints']:,} published"
            f" checkpoints, in {outcome['seconds']:.1f} s."
            f" {outcome['waiting']:,} wait to be sealed."
        )
        if outcome["ok"]:
            yield f"The log of {outcome['size']:,} leaves is as it was sealed."
        elif outcome["first_bad_entry"] is not None:
            yield f"THE LOG WAS CHANGED. The first bad entry is {outcome['first_bad_entry']}."
        else:
            yield "THE LOG WAS CHANGED."


def _pins(given: list[str]) -> list[PinnedKey]:
    try:
        return [PinnedKey.parse(text) for text in given] or keyring.trusted()
    except NoteError as error:
        raise CommandError(f"--key: {error}") from None


def _published(pins: list[PinnedKey]) -> tuple[list[tuple[str, str]], list[str]]:
    """The checkpoints that the targets hand back, and the targets that could not be asked."""
    notes: list[tuple[str, str]] = []
    unasked = []
    for origin in sorted({pin.key.name for pin in pins}):
        for keeper in targets.keepers(origin):
            try:
                notes += [(keeper.name, note) for note in keeper.checkpoints()]
            except PublishingFailed as error:
                unasked.append(f"{keeper.name}: {error}")
    return notes, unasked


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}.") from None


def _show(bar: tqdm[Any], done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)
