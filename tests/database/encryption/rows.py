"""Rows with secrets, and what stands in them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from database.encryption.envelope import Envelope
from tests.database.secretsapp.models import Safe


def make_safes(count: int) -> list[Safe]:
    """Each with a text and a document that name its number."""
    safes = [
        Safe(label=str(number), code=f"code {number}", papers={"number": number})
        for number in range(count)
    ]
    return Safe.objects.bulk_create(safes)


def assert_all_readable() -> None:
    """Every safe's secrets say what its label says."""
    for safe in Safe.objects.iterator():
        assert safe.code is not None
        assert safe.code.reveal().startswith(f"code {safe.label}")
        assert safe.papers is None or safe.papers.reveal() == {"number": int(safe.label)}


def keys_in_use() -> set[str]:
    """The master keys under which codes stand."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM test_safes WHERE code IS NOT NULL")
        return {Envelope.parse(bytes(row[0])).key_id for row in cursor.fetchall()}


def command(name: str, *arguments: str) -> dict[str, Any]:
    """Run it with --json and read what it says."""
    out = io.StringIO()
    ended: dict[str, Any] = {}
    try:
        call_command(name, *arguments, "--json", stdout=out)
    except SystemExit as exit_:
        ended = {"exit_code": exit_.code}
    told: dict[str, Any] = json.loads(out.getvalue())
    return told | ended


def settle(keyring: Path, minutes: int = 60) -> None:
    """Let the keys of the file have been made so long ago."""
    held = json.loads(keyring.read_text())
    then = datetime.now(UTC) - timedelta(minutes=minutes)
    for key in held["keys"]:
        key["created_at"] = then.isoformat()
    keyring.write_text(json.dumps(held))
