"""The figures that knowledge is made of, summed up by PostgreSQL.

No query makes an object of an annotation. What can be summed up is: a million decisions come as at
most 50,005 rows (10,001 confidences, five folds). Boxes are read in portions into arrays of 56
bytes a box, so a million of them take about 60 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from annotations.knowledge.calibration import FOLDS, STEPS, Decisions
from annotations.knowledge.matching import Boxes

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]

_PORTION: Final = 20_000

# What an annotation was before anybody touched it: its first version, if there is a later one.
_FIRST: Final = """
    LEFT JOIN annotation_history first_version
        ON first_version.annotation_id = a.id AND first_version.version = 1
"""
# Approved, and nobody moved the box or changed the label.
RIGHT_AS_PROPOSED: Final = """(
    a.review_status = 'approved'
    AND (first_version.id IS NULL OR (
        first_version.label = a.label AND first_version.bounding_box = a.bounding_box
    ))
)"""


@dataclass(frozen=True, slots=True)
class Model:
    """A provider's model; an empty one is what it did not name."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}" if self.model else self.provider


def named(text: str) -> Model:
    """The model that ``provider`` or ``provider:model`` names."""
    provider, _, model = text.strip().partition(":")
    return Model(provider, model)


def decided_models() -> list[tuple[Model, int]]:
    """Every provider and model with decisions, and how many, by name."""
    rows = _rows(
        "SELECT a.vision_provider, a.vision_model, count(*) FROM annotations a"
        " WHERE a.vision_generated AND a.review_status <> 'pending' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return [(Model(provider, model), count) for provider, model, count in rows]


def decisions(of: Model, *, since: datetime | None = None) -> tuple[Decisions, Counts]:
    """What people decided on a model's proposals, by stated confidence; and each row's fold.

    Folds go by image: the boxes of one picture never stand on both sides.
    """
    rows = _rows(
        f"""
        SELECT round(a.vision_confidence * {STEPS})::integer,
            -- The image's hash, so that the same images are held out each time.
            ('x' || left(md5(a.image_id::text), 7))::bit(28)::integer %% {FOLDS} AS fold,
            count(*), count(*) FILTER (WHERE {RIGHT_AS_PROPOSED})
        FROM annotations a {_FIRST}
        WHERE a.vision_generated AND a.review_status <> 'pending'
            AND a.vision_provider = %(provider)s AND a.vision_model = %(model)s
            AND (%(since)s::timestamptz IS NULL OR a.reviewed_at >= %(since)s)
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        {**_about(of), "since": since},
    )
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    summed = Decisions(stated=table[:, 0] / STEPS, total=table[:, 2], right=table[:, 3])
    return summed, table[:, 1]


# --- Providers side by side -----------------------------------------------------------------------

# Images that people finished and that every one of the providers looked at: an array in one text,
# 37 bytes an image, which the queries that follow are given back. (Who runs this makes no tables.)
_SELECTED: Final = """
    WITH named AS (
        SELECT * FROM unnest(%(providers)s::text[], %(models)s::text[]) WITH ORDINALITY
            AS named (provider, model, number)
    ), looked AS (
        SELECT j.image_id, n.number FROM ai_annotation_jobs j
        JOIN named n ON n.provider = j.provider AND n.model IN ('', j.model)
        WHERE j.status = 'completed'
        UNION
        SELECT a.image_id, n.number FROM annotations a
        JOIN named n ON n.provider = a.vision_provider AND n.model IN ('', a.vision_model)
        WHERE a.vision_generated
    ), finished AS (
        SELECT a.image_id FROM annotations a GROUP BY a.image_id
        HAVING bool_and(a.review_status <> 'pending')
            AND (%(since)s::timestamptz IS NULL OR max(a.reviewed_at) >= %(since)s)
    ), chosen AS (
        SELECT l.image_id FROM looked l JOIN finished f ON f.image_id = l.image_id
        GROUP BY l.image_id HAVING count(*) = cardinality(%(providers)s::text[])
    )
    SELECT coalesce(array_agg(image_id ORDER BY image_id), '{}')::text, count(*) FROM chosen
"""

_IMAGES: Final = "unnest(%(images)s::uuid[]) WITH ORDINALITY AS c (image_id, number)"


@dataclass(frozen=True, slots=True)
class Compared:
    """What providers are compared by. Images are numbered from 0, labels by equal words.

    ``truth``      what people left standing, those made or mended by a person first
    ``proposed``   by provider, its boxes as it proposed them
    ``money``      by provider, cost and accepted boxes by image; shape (images, 2)
    ``latencies``  by provider, milliseconds of each call that was made (not of cached answers)
    """

    images: int
    truth: Boxes
    proposed: dict[str, Boxes]
    money: dict[str, Numbers]
    latencies: dict[str, Numbers]


def known_providers() -> list[str]:
    """The providers that annotated anything, by name."""
    rows = _rows(
        "SELECT DISTINCT provider FROM ("
        " SELECT provider FROM ai_annotation_jobs WHERE status = 'completed'"
        " UNION ALL SELECT vision_provider FROM annotations WHERE vision_generated"
        ") known ORDER BY provider"
    )
    return [name for (name,) in rows]


def compared(names: Sequence[Model], *, since: datetime | None = None) -> Compared:
    """Everything that a comparison needs; a name without a model takes all of its models."""
    words: dict[str, int] = {}
    asked = {
        "providers": [name.provider for name in names],
        "models": [name.model for name in names],
        "since": since,
    }
    with transaction.atomic():
        chosen, images = _rows(_SELECTED, asked)[0]
        about = {str(name): {"images": chosen, **_about(name)} for name in names}
        # A person's box, or one that a person mended, stands for the thing before a provider's.
        truth = _boxes(
            f"""
            SELECT c.number - 1, a.label, a.bounding_box #>> '{{topLeft,x}}',
                a.bounding_box #>> '{{topLeft,y}}', a.bounding_box #>> '{{bottomRight,x}}',
                a.bounding_box #>> '{{bottomRight,y}}'
            FROM annotations a JOIN {_IMAGES} ON c.image_id = a.image_id {_FIRST}
            WHERE a.review_status = 'approved'
            ORDER BY a.vision_generated AND {RIGHT_AS_PROPOSED}, a.id
            """,
            {"images": chosen},
            words,
        )
        proposed = {name: _proposed(of, words) for name, of in about.items()}
        money = {name: _money(of, images) for name, of in about.items()}
        latencies = {name: _latencies(of) for name, of in about.items()}
    return Compared(images, truth, proposed, money, latencies)


def _proposed(about: dict[str, Any], words: dict[str, int]) -> Boxes:
    box = "coalesce(first_version.bounding_box, a.bounding_box)"
    return _boxes(
        f"""
        SELECT c.number - 1, coalesce(first_version.label, a.label), {box} #>> '{{topLeft,x}}',
            {box} #>> '{{topLeft,y}}', {box} #>> '{{bottomRight,x}}', {box} #>> '{{bottomRight,y}}'
        FROM annotations a JOIN {_IMAGES} ON c.image_id = a.image_id {_FIRST}
        WHERE a.vision_generated AND a.vision_provider = %(provider)s
            AND %(model)s IN ('', a.vision_model)
        ORDER BY a.id
        """,
        about,
        words,
    )


def _money(about: dict[str, Any], images: int) -> Numbers:
    """Every job's cost counts, also of those that failed: accepted boxes paid for them."""
    table = _numbers(
        f"""
        WITH spent AS (
            SELECT j.image_id, sum(j.cost) AS cost FROM ai_annotation_jobs j
            JOIN {_IMAGES} ON c.image_id = j.image_id
            WHERE j.provider = %(provider)s AND %(model)s IN ('', j.model) GROUP BY 1
        ), accepted AS (
            SELECT a.image_id, count(*) AS boxes FROM annotations a
            JOIN {_IMAGES} ON c.image_id = a.image_id
            WHERE a.vision_generated AND a.vision_provider = %(provider)s
                AND %(model)s IN ('', a.vision_model) AND a.review_status = 'approved'
            GROUP BY 1
        )
        SELECT c.number - 1, coalesce(s.cost, 0)::float8, coalesce(a.boxes, 0)
        FROM {_IMAGES} LEFT JOIN spent s ON s.image_id = c.image_id
        LEFT JOIN accepted a ON a.image_id = c.image_id
        WHERE s.image_id IS NOT NULL OR a.image_id IS NOT NULL
        """,
        about,
        columns=3,
    )
    money = np.zeros((images, 2))
    money[table[:, 0].astype(np.int64)] = table[:, 1:]
    return money


def _latencies(about: dict[str, Any]) -> Numbers:
    found = _numbers(
        f"""
        SELECT j.response_time_ms FROM ai_annotation_jobs j
        JOIN {_IMAGES} ON c.image_id = j.image_id
        WHERE j.provider = %(provider)s AND %(model)s IN ('', j.model)
            AND j.status = 'completed' AND NOT j.from_cache AND j.response_time_ms IS NOT NULL
        """,
        about,
        columns=1,
    )
    return found[:, 0]


def _about(name: Model) -> dict[str, Any]:
    return {"provider": name.provider, "model": name.model}


def _boxes(statement: str, about: dict[str, Any], words: dict[str, int]) -> Boxes:
    """From image, label and four edges; words of different case or outer spaces are one label."""
    images, labels, edges = [], [], []
    for rows in _portions(statement, about):
        images.append(np.array([row[0] for row in rows], dtype=np.int64))
        numbers = [words.setdefault(row[1].strip().casefold(), len(words)) for row in rows]
        labels.append(np.array(numbers, dtype=np.int64))
        edges.append(np.array([row[2:] for row in rows], dtype=np.float64))
    if not images:
        empty = np.empty(0, dtype=np.int64)
        return Boxes(empty, empty, np.empty((0, 4)))
    return Boxes(np.concatenate(images), np.concatenate(labels), np.concatenate(edges))


def _numbers(statement: str, about: dict[str, Any], *, columns: int) -> Numbers:
    """Rows of numbers, shape (rows, columns)."""
    parts = [np.array(rows, dtype=np.float64) for rows in _portions(statement, about)]
    return np.concatenate([np.empty((0, columns)), *parts])


def _portions(statement: str, about: dict[str, Any]) -> Iterator[list[tuple[Any, ...]]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, about)
        while rows := cursor.fetchmany(_PORTION):
            yield rows


def _rows(statement: str, about: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, about)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
