"""``manage.py export_evidence``"""

from __future__ import annotations

import shutil
from argparse import ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Final
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

import audit
from audit import evidence
from audit.errors import AuditError
from audit.management.commands.verify_audit import moment
from audit.recording import record
from config.commands import OpsCommand

VERIFIER: Final = Path(audit.__file__).with_name("lacuna_verify.py")


def key(text: str) -> UUID:
    """An argument that is a UUID."""
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no UUID") from None


class Command(OpsCommand):
    """Writes one file, which needs neither the database nor this program to be checked."""

    help = (
        "Export entries of the audit log as evidence: one file with the entries, the signed"
        " checkpoint and the proof. Whoever has the public key checks it with lacuna_verify.py"
        " alone. All conditions that are given must hold."
    )
    example = "export_evidence --resource image 0199… --output evidence.jsonl --with-verifier"
    exclusive: ClassVar[bool] = False
    records: ClassVar[bool] = False  # it writes an entry of its own

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--since", type=moment, metavar="MOMENT", help="from then on")
        parser.add_argument("--until", type=moment, metavar="MOMENT", help="before then")
        parser.add_argument("--actor", type=key, metavar="ID", help="what this person did")
        parser.add_argument(
            "--resource", nargs=2, metavar=("TYPE", "ID"), help="what was done to this"
        )
        parser.add_argument(
            "--entry", type=key, action="append", default=[], metavar="ID", help="this entry"
        )
        parser.add_argument("--output", type=Path, required=True, metavar="FILE")
        parser.add_argument(
            "--without-personal",
            action="store_true",
            help="leave addresses and browsers out; the proofs hold all the same",
        )
        parser.add_argument(
            "--with-verifier", action="store_true", help="put lacuna_verify.py beside the file"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        selection = evidence.Selection(
            since=options["since"],
            until=options["until"],
            actor=options["actor"],
            resource=tuple(options["resource"]) if options["resource"] else None,
            entries=options["entry"],
        )
        output: Path = options["output"]
        try:
            entries = evidence.select(selection)
            if options["dry_run"]:
                return {"output": str(output), "entries": len(entries), "dry_run": True}
            summary = evidence.write_file(
                output, entries=entries, personal=not options["without_personal"]
            )
        except AuditError as error:
            raise CommandError(str(error)) from None
        if options["with_verifier"]:
            shutil.copyfile(VERIFIER, output.with_name(VERIFIER.name))
        outcome: dict[str, Any] = {
            "output": str(output),
            "entries": summary.entries,
            "waiting": summary.waiting,
            "origin": summary.origin,
            "size": summary.size,
            "sha256": summary.sha256,
            "bytes": summary.file_size,
        }
        with transaction.atomic():
            record("evidence.exported", subject=("audit_log", ""), details=outcome)
        return outcome

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        if outcome.get("dry_run"):
            yield f"Would write {outcome['entries']:,} entries to {outcome['output']}."
            return
        yield (
            f"{outcome['output']}: {outcome['entries']:,} entries, proven in the log of"
            f" {outcome['size']:,} leaves of {outcome['origin']} ({outcome['bytes']:,} bytes)."
        )
        if outcome["waiting"]:
            yield f"{outcome['waiting']:,} entries are not sealed yet and were left out."
        yield f"SHA-256 {outcome['sha256']}"
