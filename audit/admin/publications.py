"""Where checkpoints have gone: the targets there are, and how far each of them has seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from config.admin.formats import number

# Jumps from target to target in the index, however many checkpoints each has seen.
_TARGETS: Final = """
    WITH RECURSIVE targets AS (
        (SELECT target FROM audits.audit_publication ORDER BY target LIMIT 1)
        UNION ALL
        SELECT (
            SELECT p.target FROM audits.audit_publication p
            WHERE p.target > t.target ORDER BY p.target LIMIT 1
        ) FROM targets t WHERE t.target IS NOT NULL
    )
    SELECT p.target, p.size, p.published_at
    FROM targets t CROSS JOIN LATERAL (
        SELECT * FROM audits.audit_publication
        WHERE target = t.target AND size > %s
"""
_FIRST: Final = f"{_TARGETS} ORDER BY size, id LIMIT 1) p ORDER BY p.target"
_NEWEST: Final = f"{_TARGETS} ORDER BY size DESC, id DESC LIMIT 1) p ORDER BY p.target"


@dataclass(frozen=True, slots=True)
class Publication:
    """A checkpoint of so many leaves that the target has seen."""

    target: str
    size: int
    at: datetime

    @property
    def leaves(self) -> str:
        """The number of leaves, in words."""
        return f"{number(self.size)} {'leaf' if self.size == 1 else 'leaves'}"


def first_with(cursor: Any, seq: int) -> list[Publication]:
    """For each target, the first checkpoint that includes the leaf with this sequence number."""
    return _read(cursor, _FIRST, seq)


def newest(cursor: Any) -> list[Publication]:
    """For each target, the largest checkpoint that it has seen."""
    return _read(cursor, _NEWEST, -1)


def _read(cursor: Any, query: str, beyond: int) -> list[Publication]:
    cursor.execute(query, [beyond])
    return [Publication(_named(target), size, at) for target, size, at in cursor.fetchall()]


def _named(target: str) -> str:
    """The target without what may be secret in an address: a login, a query."""
    parts = urlsplit(target)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
