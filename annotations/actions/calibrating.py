"""Learning what a provider's confidence means, and ranking what waits for review by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import numpy as np
from django.db import connection, transaction

from accounts.models import User
from annotations.knowledge import calibration, queries
from annotations.knowledge.calibrated import LOCK
from annotations.knowledge.errors import NotEnoughKnown
from annotations.models import ConfidenceCalibration
from audit.recording import record

# Fewer decisions than this say nothing of fifteen bins.
LEAST_DECISIONS: Final = 50
BATCH: Final = 2000


@dataclass(frozen=True, slots=True)
class Fitted:
    """A curve and how it did on decisions that were held out of it.

    ``ece_by_chance``  what a perfect confidence would show with as many decisions: no smaller
                       figure can be told from it
    """

    of: queries.Model
    curve: calibration.Curve
    held_out: calibration.HeldOut
    sample_count: int
    ece_before: Decimal
    ece_after: Decimal
    ece_by_chance: Decimal
    brier_before: Decimal
    brier_after: Decimal

    @property
    def is_better(self) -> bool:
        """Whether held-out decisions say that the curve is nearer the truth than the provider."""
        return self.brier_after < self.brier_before


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a calibration did: ``stored`` is in force where the curve is better."""

    fitted: Fitted
    stored: ConfidenceCalibration
    reranked: int


def fit(
    of: queries.Model, *, least: int = LEAST_DECISIONS, since: datetime | None = None
) -> Fitted:
    """Learn from what people decided; changes nothing. NotEnoughKnown."""
    decisions, folds = queries.decisions(of, since=since)
    if decisions.count < least:
        raise NotEnoughKnown(
            f"{of} has {decisions.count} decided annotations; a calibration needs {least}."
            " Review more of its proposals, then calibrate again."
        )
    if len(np.unique(folds)) < 2:
        raise NotEnoughKnown(
            f"The {decisions.count} decided annotations of {of} lie in too few images to hold some"
            " out. Review its proposals in other images, then calibrate again."
        )
    held_out = calibration.held_out(decisions, folds)
    figures = {name: Decimal(f"{value:.5f}") for name, value in held_out.figures().items()}
    return Fitted(
        of=of,
        curve=calibration.fit(decisions),
        held_out=held_out,
        sample_count=decisions.count,
        **figures,
    )


def calibrate(
    provider: str,
    model: str = "",
    *,
    by: User | None = None,
    least: int = LEAST_DECISIONS,
    since: datetime | None = None,
    batch_size: int = BATCH,
) -> Calibrated:
    """Learn anew, put the curve in force, and rank what waits by it.

    A curve that does no better on held-out decisions is kept for the record, but not put in force.
    Repeating it does no harm; one that was stopped while ranking goes on when it is repeated.
    NotEnoughKnown.
    """
    fitted = fit(queries.Model(provider, model), least=least, since=since)
    stored = store(fitted, by=by)
    reranked = sum(rerank(fitted.of, batch_size=batch_size))
    return Calibrated(fitted, stored, reranked)


@transaction.atomic
def store(fitted: Fitted, *, by: User | None = None) -> ConfidenceCalibration:
    """Write the curve down; it replaces the one in force if it is better than none at all."""
    of = fitted.of
    _lock(of)
    before = (
        ConfidenceCalibration.objects.select_for_update()
        .filter(provider=of.provider, model=of.model, is_active=True)
        .first()
    )
    if before and fitted.is_better:
        before.is_active = False
        before.save(update_fields=["is_active"])
    stored = ConfidenceCalibration.objects.create(
        provider=of.provider,
        model=of.model,
        sample_count=fitted.sample_count,
        points=fitted.curve.to_json(),
        ece_before=fitted.ece_before,
        ece_after=fitted.ece_after,
        brier_before=fitted.brier_before,
        brier_after=fitted.brier_after,
        is_active=fitted.is_better,
    )
    in_force = stored if fitted.is_better else before
    record(
        "calibration.fitted",
        by=by,
        subject=stored,
        before={"calibration": before.pk if before else None},
        after={"calibration": in_force.pk if in_force else None},
        details={
            "provider": of.provider,
            "model": of.model,
            "decisions": fitted.sample_count,
            "in_force": fitted.is_better,
            "ece_before": fitted.ece_before,
            "ece_after": fitted.ece_after,
            "brier_before": fitted.brier_before,
            "brier_after": fitted.brier_after,
        },
    )
    return stored


@transaction.atomic
def withdraw(provider: str, model: str = "", *, by: User | None = None) -> bool:
    """Put no curve in force: confidences mean what the provider says. Whether there was one.

    Rank what waits anew afterwards (``rerank``).
    """
    of = queries.Model(provider, model)
    _lock(of)
    active = (
        ConfidenceCalibration.objects.select_for_update()
        .filter(provider=provider, model=model, is_active=True)
        .first()
    )
    if active is None:
        return False
    active.is_active = False
    active.save(update_fields=["is_active"])
    record(
        "calibration.withdrawn",
        by=by,
        subject=active,
        before={"is_active": True},
        after={"is_active": False},
        details={"provider": provider, "model": model},
    )
    return True


def rerank(of: queries.Model, *, batch_size: int = BATCH) -> Iterator[int]:
    """Give what waits for review the rank that the curve in force gives it; rows changed, by batch.

    Each batch is a transaction and goes on where the one before ended, so what is added meanwhile
    comes last; rows that are right already are not touched. Annotations that a reviewer holds at
    the moment are left to a second round, which waits for them.
    """
    for wait in (False, True):
        after: UUID | None = None
        while True:
            with transaction.atomic():
                changed, after = _rank_batch(of, after, batch_size, wait=wait)
            if after is None:
                break
            if changed:
                yield changed


# The table holds what each confidence of four decimals means, as whole ten thousandths: an array of
# numbers of one size, of which PostgreSQL finds an element without going through the others.
_WANTED: Final = "(%(table)s::integer[])[round(a.vision_confidence * 10000)::integer + 1] / 10000.0"
_RANK: Final = """
    WITH batch AS MATERIALIZED (
        SELECT a.id FROM annotations a
        WHERE (%(after)s::uuid IS NULL OR a.id > %(after)s)
            AND a.vision_generated AND a.review_status = 'pending'
            AND a.vision_provider = %(provider)s AND a.vision_model = %(model)s
            AND a.calibrated_confidence IS DISTINCT FROM {wanted}
        ORDER BY a.id LIMIT %(size)s FOR NO KEY UPDATE {skip}
    ), changed AS (
        UPDATE annotations a SET calibrated_confidence = {wanted} FROM batch b
        WHERE a.id = b.id AND a.review_status = 'pending' RETURNING a.id
    )
    SELECT (SELECT count(*) FROM changed), (SELECT max(id::text) FROM batch)
"""


def _rank_batch(
    of: queries.Model, after: UUID | None, size: int, *, wait: bool
) -> tuple[int, UUID | None]:
    """How many rows were changed, and the last one looked at; None when there are no more."""
    points = (
        ConfidenceCalibration.objects.filter(provider=of.provider, model=of.model, is_active=True)
        .values_list("points", flat=True)
        .first()
    )
    table = None if points is None else calibration.Curve.from_json(points).table().tolist()
    statement = _RANK.format(wanted=_WANTED, skip="" if wait else "SKIP LOCKED")
    about = {
        "after": after,
        "provider": of.provider,
        "model": of.model,
        "table": table,
        "size": size,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, about)
        changed, last = cursor.fetchone()
    return changed, UUID(last) if last else None


def _lock(of: queries.Model) -> None:
    """Wait for everybody who stores proposals by the curve in force; see ``curve_in_force``."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK.format("pg_advisory_xact_lock"), [of.provider, of.model])
