"""Where the last verification ended: kept outside the database, so that it can be believed."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from audit.errors import AuditError
from audit.proofs.errors import FormatError
from audit.proofs.frontier import Frontier


class StateDamaged(AuditError):
    """The file cannot be read; a full verification replaces it."""


@dataclass(frozen=True, slots=True)
class State:
    """The last batch that was verified, and the tree up to it."""

    origin: str
    database: str
    batch_no: int
    batch_hash: bytes
    era: int
    xid_hi: int
    frontier: Frontier


def path(database: str) -> Path:
    """The file, beside the database's other files that are not in it."""
    return Path(settings.LACUNA_HOME) / "audit" / f"verified-{database}.json"


def read(database: str) -> State | None:
    """The state, or None before the first verification; StateDamaged names the file."""
    file = path(database)
    try:
        given = json.loads(file.read_text(encoding="ascii"))
        return State(
            origin=given["origin"],
            database=given["database"],
            batch_no=int(given["batch_no"]),
            batch_hash=bytes.fromhex(given["batch_hash"]),
            era=int(given["era"]),
            xid_hi=int(given["xid_hi"]),
            frontier=Frontier.from_state(base64.b64decode(given["tree"], validate=True)),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, FormatError) as error:
        raise StateDamaged(
            f"{file} cannot be used ({type(error).__name__})."
            " Verify everything: python manage.py verify_audit --full"
        ) from None


def write(state: State) -> None:
    """Keep the state; the file is replaced at once."""
    file = path(state.database)
    text = json.dumps(
        {
            "origin": state.origin,
            "database": state.database,
            "batch_no": state.batch_no,
            "batch_hash": state.batch_hash.hex(),
            "era": state.era,
            "xid_hi": state.xid_hi,
            "tree": base64.b64encode(state.frontier.state()).decode("ascii"),
        }
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".verified-")
        with os.fdopen(handle, "w", encoding="ascii") as new:
            new.write(text + "\n")
        Path(name).replace(file)
    except OSError as error:
        raise StateDamaged(f"{file} cannot be written: {error.strerror}.") from None
