"""What exercises are made of: approved annotations by difficulty and topic, and labels to confuse.

Easy is what the provider was sure of and nobody disputed; hard what it was unsure of, or what
somebody decided otherwise, took back or had to correct; the rest is between.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from accounts.models import User
from annotations.models import Annotation, ImageCollection, ReviewStatus

# So many of the latest approvals are drawn from: enough to choose among, and quick to look through.
DRAWN_FROM: Final = 20_000
# From here on a provider was sure, and below it unsure.
SURE: Final = 0.8
UNSURE: Final = 0.5
_GROUP: Final = "group:"
_COLLECTION: Final = "collection:"
_MOST_TOPICS: Final = 50

_MATERIAL: Final = f"""
    WITH latest AS (
        SELECT a.* FROM annotations a
        WHERE a.review_status = 'approved' AND a.label <> ''
            AND (%(collection)s::uuid IS NULL OR a.collection_id = %(collection)s)
        ORDER BY a.created_at DESC, a.id DESC LIMIT {DRAWN_FROM}
    ), material AS (
        SELECT a.id, a.image_id, a.label, a.bounding_box, a.reviewed_by_id,
            CASE
                WHEN d.is_disputed OR a.sure < {UNSURE} THEN 'hard'
                WHEN a.sure >= {SURE} THEN 'easy'
                ELSE 'medium'
            END AS difficulty
        FROM (
            SELECT l.*, coalesce(l.calibrated_confidence, l.vision_confidence) AS sure FROM latest l
            WHERE %(word)s = '' OR lower(regexp_replace(l.label, '^.*\\s', '')) = %(word)s
        ) a
        CROSS JOIN LATERAL (
            SELECT coalesce(bool_or(
                r.decision <> 'approved' OR r.agrees IS FALSE OR r.was_edited
            ), false) AS is_disputed
            FROM annotation_reviews r WHERE r.annotation_id = a.id
        ) d
    )
"""


@dataclass(frozen=True, slots=True)
class Known:
    """An approved annotation."""

    id: UUID
    image_id: UUID
    label: str
    box: Any


@dataclass(frozen=True, slots=True)
class Topic:
    """A group of labels, or a collection; ``count`` approved annotations of the latest ones."""

    value: str
    title: str
    count: int


def known(difficulty: str, topic: str, *, by: User, limit: int) -> list[Known]:
    """Annotations at random, those first that the person has not decided on."""
    rows = _rows(
        f"{_MATERIAL} SELECT m.id, m.image_id, m.label, m.bounding_box FROM material m"
        " JOIN images i ON i.id = m.image_id AND i.analysis_status <> 'archived'"
        " WHERE m.difficulty = %(difficulty)s"
        " ORDER BY m.reviewed_by_id = %(by)s, random() LIMIT %(limit)s",
        _chosen(topic) | {"difficulty": difficulty, "by": by.pk, "limit": limit},
    )
    return [Known(key, image, label, json.loads(box)) for key, image, label, box in rows]


def counts(topic: str = "") -> dict[str, int]:
    """How many there are of each difficulty, among the latest."""
    rows = _rows(
        f"{_MATERIAL} SELECT difficulty, count(*) FROM material GROUP BY 1", _chosen(topic)
    )
    return {"easy": 0, "medium": 0, "hard": 0} | dict(rows)


def boxes_of(image_id: UUID, label: str) -> list[Any]:
    """Every approved box of this label in the image."""
    return list(
        Annotation.objects.filter(
            image_id=image_id, review_status=ReviewStatus.APPROVED, label__iexact=label
        )
        .order_by("id")
        .values_list("bounding_box", flat=True)
    )


def topics() -> list[Topic]:
    """Collections, and groups of two labels or more that end in the same word; the largest first.

    ``house sparrow`` and ``tree sparrow`` are the group ``sparrow``.
    """
    groups = _rows(
        f"{_MATERIAL} SELECT lower(regexp_replace(label, '^.*\\s', '')), count(*) FROM material"
        " GROUP BY 1 HAVING count(DISTINCT lower(label)) > 1 ORDER BY 2 DESC, 1"
        f" LIMIT {_MOST_TOPICS}",
        _chosen(""),
    )
    homes = _rows(
        "SELECT c.id, c.name, found.count FROM image_collections c CROSS JOIN LATERAL ("
        " SELECT count(*) FROM (SELECT FROM annotations a WHERE a.collection_id = c.id"
        f" AND a.review_status = 'approved' AND a.label <> '' LIMIT {DRAWN_FROM}) labelled"
        ") found WHERE NOT c.is_archived AND found.count > 0"
        f" ORDER BY found.count DESC, c.name LIMIT {_MOST_TOPICS}",
        {},
    )
    return [
        *(Topic(f"{_COLLECTION}{key}", f"Collection {name}", count) for key, name, count in homes),
        *(Topic(f"{_GROUP}{word}", f"Kinds of {word}", count) for word, count in groups),
    ]


def title_of(topic: str) -> str:
    """A topic as people call it."""
    if topic.startswith(_GROUP):
        return f"Kinds of {topic.removeprefix(_GROUP)}"
    home = _collection_of(topic)
    if home is not None:
        found = ImageCollection.objects.filter(pk=home).first()
        return f"Collection {found.name}" if found else "A collection that is gone"
    return "Everything"


class Distractors:
    """Labels beside the right one: what it was confused with first, then its kin, the common."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._confused: dict[str, list[str]] = defaultdict(list)
        wanted = sorted({label.casefold() for label in labels})
        # What somebody called it before it was corrected and approved.
        for right, wrong, _ in _rows(
            "SELECT lower(a.label), h.label, count(*) FROM ("
            f" SELECT annotation_id, label FROM annotation_history WHERE label <> ''"
            f" ORDER BY changed_at DESC, id DESC LIMIT {DRAWN_FROM}) h"
            " JOIN annotations a ON a.id = h.annotation_id"
            " WHERE a.review_status = 'approved' AND lower(a.label) = ANY(%(labels)s)"
            " AND lower(h.label) <> lower(a.label) GROUP BY 1, 2 ORDER BY 3 DESC, 2",
            {"labels": wanted},
        ):
            self._confused[right].append(wrong)
        self._common: list[str] = [
            label
            for label, _ in _rows(
                f"{_MATERIAL} SELECT min(label), count(*) FROM material GROUP BY lower(label)"
                " ORDER BY 2 DESC, 1 LIMIT 200",
                _chosen(""),
            )
        ]

    def labels_besides(self, label: str, count: int) -> list[str]:
        """Up to so many others, none of them the same in other capitals."""
        word = _last_word(label)
        kin = [one for one in self._common if _last_word(one) == word]
        seen, found = {label.casefold()}, []
        for one in (*self._confused[label.casefold()], *kin, *self._common):
            if one.casefold() not in seen:
                seen.add(one.casefold())
                found.append(one)
        return found[:count]


def _last_word(label: str) -> str:
    words = label.casefold().split()
    return words[-1] if words else ""


def _collection_of(topic: str) -> UUID | None:
    if not topic.startswith(_COLLECTION):
        return None
    try:
        return UUID(topic.removeprefix(_COLLECTION))
    except ValueError:
        return None


def _chosen(topic: str) -> dict[str, Any]:
    word = topic.removeprefix(_GROUP) if topic.startswith(_GROUP) else ""
    return {"word": word.casefold(), "collection": _collection_of(topic)}


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
