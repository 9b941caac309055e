"""``manage.py api_schema``"""

from __future__ import annotations

import difflib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from drf_spectacular.drainage import GENERATOR_STATS

from config.commands import OpsCommand

_SHOWN_LINES = 40


class Command(OpsCommand):
    """Keeps the committed OpenAPI document what the code says."""

    help = "Write the API's OpenAPI document anew, or compare it with the endpoints (--check)."
    example = "api_schema --check"
    exclusive = False
    offers_dry_run = False
    records = False

    def add_arguments(self, parser: CommandParser) -> None:
        """The switches."""
        super().add_arguments(parser)
        parser.add_argument(
            "--check", action="store_true", help="change nothing; fail when the file differs"
        )
        parser.add_argument(
            "--file",
            type=Path,
            default=settings.BASE_DIR / "docs" / "openapi.yaml",
            help="the document (docs/openapi.yaml)",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Make the document and write it, or compare it."""
        check, file = options["check"], options["file"]
        made = _document()
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        if check and made != before:
            raise CommandError(
                f"{file} is not what the endpoints say:\n{_difference(before, made)}\n"
                "Look whether the change is meant, then run: python manage.py api_schema"
            )
        if made != before:
            file.write_text(made, encoding="utf-8")
        return {"file": str(file), "changed": made != before}


def _document() -> str:
    """The document as YAML; CommandError for what spectacular warns of or finds invalid."""
    GENERATOR_STATS.reset()
    with TemporaryDirectory() as folder:
        written = Path(folder) / "openapi.yaml"
        call_command("spectacular", file=str(written), fail_on_warn=True, validate=True)
        return written.read_text(encoding="utf-8")


def _difference(before: str, made: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), made.splitlines(), "committed", "endpoints", lineterm="", n=1
    )
    shown = list(lines)
    rest = len(shown) - _SHOWN_LINES
    return "\n".join([*shown[:_SHOWN_LINES], *([f"… and {rest} lines more"] if rest > 0 else [])])
