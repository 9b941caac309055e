"""The form of a file: what its rows look like, and what it says of itself.

The metadata of its schema, all text: ``lacuna.format`` and ``lacuna.version``, ``lacuna.owner`` (a
key), ``lacuna.analyses`` and ``lacuna.anomalies`` (how many).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import pyarrow as pa

from monitoring.archives.columns import Column
from monitoring.errors import ArchiveDamaged

FORMAT: Final = "analyses"
VERSION: Final = 1
# The column of an analysis that holds its anomalies.
NESTED: Final = "anomalies"


@dataclass(frozen=True, slots=True)
class Head:
    """Whose analyses a file has, and how much."""

    owner: UUID
    analyses: int
    anomalies: int

    def metadata(self) -> dict[str, str]:
        """As it stands in a file."""
        return {
            "lacuna.format": FORMAT,
            "lacuna.version": str(VERSION),
            "lacuna.owner": str(self.owner),
            "lacuna.analyses": str(self.analyses),
            "lacuna.anomalies": str(self.anomalies),
        }


def head(metadata: Mapping[bytes, bytes] | None, *, name: str) -> Head:
    """What the file ``name`` says of itself; ArchiveDamaged for one that is not of ours."""
    said = {key.decode(): value.decode() for key, value in (metadata or {}).items()}
    if said.get("lacuna.format") != FORMAT:
        raise ArchiveDamaged(f"{name} is a Parquet file, but none of archived analyses.")
    if said.get("lacuna.version") != str(VERSION):
        raise ArchiveDamaged(
            f"{name} has version {said.get('lacuna.version')} of the format, this version of Lacuna"
            f" reads {VERSION}. Restore it with the version that wrote it, or a newer one."
        )
    try:
        return Head(
            UUID(said["lacuna.owner"]),
            int(said["lacuna.analyses"]),
            int(said["lacuna.anomalies"]),
        )
    except (KeyError, ValueError):
        raise ArchiveDamaged(
            f"{name} does not say whose analyses it has, and how many. Restore it from a backup of"
            " the storage."
        ) from None


def schema(analyses: Sequence[Column], anomalies: Sequence[Column], *, of: Head) -> Any:
    """The ``pyarrow.Schema`` of a file of analyses with their anomalies."""
    one = pa.struct([column.field for column in anomalies])
    return pa.schema(
        [
            *(column.field for column in analyses),
            pa.field(NESTED, pa.list_(pa.field("element", one, nullable=False)), nullable=False),
        ],
        metadata=of.metadata(),
    )
