"""Ten thousand decisions at once, each with its review, its earlier version and its entry.

One statement decides a batch: the trigger keeps what was there before in one insert. Between two
batches the job may be stopped; what was decided stays, and the next run goes on behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import User
from annotations.actions import claims
from annotations.actions.claims import Filters
from annotations.actions.deciding import is_checked
from annotations.errors import NotNow
from annotations.events import tell_of_decisions
from annotations.models import (
    Annotation,
    BatchJob,
    BatchType,
    Decision,
    RejectionReason,
    ReviewStage,
)
from audit.recording import record

BATCH: Final = 2_000
# More than a person can answer for at once; a larger selection is decided in parts.
MOST: Final = 100_000
_ASKED: Final = (
    "id",
    "version",
    "review_stage",
    "collection__stages",
    "collection__spot_check_percent",
)


class Chosen(NamedTuple):
    """An annotation as it was when it was chosen, and what its collection asks."""

    key: UUID
    version: int
    stage: str
    stages: list[str] | None
    percent: Decimal | None


# Whoever is being looked at is left alone, and so is what somebody changed since it was chosen.
_DECIDE: Final = """
    WITH chosen AS (
        SELECT a.id, a.review_stage, a.label, a.bounding_box, a.version
        FROM unnest(%(keys)s::uuid[], %(versions)s::integer[]) AS seen (id, version)
        JOIN annotations a ON a.id = seen.id AND a.version = seen.version
        WHERE a.review_status = 'pending' AND a.review_stage = %(stage)s
            AND NOT EXISTS (
                SELECT FROM review_claims c
                WHERE c.annotation_id = a.id AND c.expires_at > now() AND c.reviewer_id <> %(by)s
            )
        ORDER BY a.id
        FOR UPDATE OF a
    ), decided AS (
        UPDATE annotations a SET
            review_status = CASE WHEN %(next)s = '' THEN %(decision)s ELSE 'pending' END,
            review_stage = CASE WHEN %(next)s = '' THEN a.review_stage ELSE %(next)s END,
            reviewed_by_id = CASE WHEN %(next)s = '' THEN %(by)s END,
            reviewed_at = CASE WHEN %(next)s = '' THEN now() END,
            rejection_reason = %(reason)s
        FROM chosen WHERE a.id = chosen.id
        RETURNING a.id
    ), reviewed AS (
        INSERT INTO annotation_reviews (
            id, annotation_id, reviewer_id, stage, decision, rejection_reason, label, bounding_box,
            version
        )
        SELECT new_key(), c.id, %(by)s, c.review_stage, %(decision)s, %(reason)s, c.label,
            c.bounding_box, c.version
        FROM chosen c JOIN decided d ON d.id = c.id
    ), to_check AS (
        INSERT INTO review_extras (
            id, annotation_id, kind, expected_decision, expected_label, avoid_id, is_open
        )
        SELECT new_key(), c.id, 'spot_check', %(decision)s, c.label, %(by)s, true
        FROM chosen c JOIN decided d ON d.id = c.id
        WHERE c.id = ANY(%(checks)s::uuid[])
        ON CONFLICT (annotation_id, kind) DO UPDATE SET
            expected_decision = excluded.expected_decision,
            expected_label = excluded.expected_label,
            avoid_id = excluded.avoid_id,
            is_open = true
    )
    SELECT audits.record_all(
        'annotation.' || %(decision)s, 'annotation', coalesce(array_agg(d.id::text), '{}'),
        jsonb_build_object(
            'before', jsonb_build_object('review_status', 'pending', 'review_stage', %(stage)s),
            'after', jsonb_build_object(
                'review_status', CASE WHEN %(next)s = '' THEN %(decision)s ELSE 'pending' END,
                'review_stage', CASE WHEN %(next)s = '' THEN %(stage)s ELSE %(next)s END
            )
        ),
        jsonb_build_object('batch', %(batch)s, 'stage', %(stage)s)
    ), coalesce(array_agg(d.id), '{}')
    FROM decided d
"""


@transaction.atomic
def request(
    filters: Filters, decision: Decision, *, by: User, reason: str = "", most: int = MOST
) -> BatchJob:
    """Queue a decision on all that fits the filters and waits now.

    PermissionDenied; NotNow for nothing to decide, too much, or a rejection without a reason.
    """
    if not by.has_perm("annotations.review_annotation"):
        raise PermissionDenied("You may not review annotations.")
    if decision == Decision.REJECTED and reason not in RejectionReason.values:
        raise NotNow(f"A rejection has a reason: {', '.join(RejectionReason.values)}.")
    count = decidable(filters, by=by)[: most + 1].count()
    if not count:
        raise NotNow("Nothing that fits these filters waits for you.")
    if count > most:
        raise NotNow(f"More than {most:,} annotations fit; narrow the filters.")
    job = BatchJob(
        job_type=BatchType.APPROVE if decision == Decision.APPROVED else BatchType.REJECT,
        user=by,
        parameters={"filters": filters.to_json(), "reason": reason},
        item_count=count,
    )
    BatchJob.objects.enqueue([job])
    record(
        "batch.requested",
        by=by,
        subject=job,
        details={"type": str(job.job_type), "items": count, "filters": filters.to_json()},
    )
    return job


def decidable(filters: Filters, *, by: User) -> QuerySet[Annotation]:
    """What the person may decide of what fits, in the order of keys."""
    rows = filters.apply(Annotation.objects.filter(review_status="pending"))
    return rows.filter(claims.not_approved_earlier(by)).order_by("id")


def decide_all(
    filters: Filters,
    decision: Decision,
    *,
    by: User,
    reason: str = "",
    batch_id: UUID | None = None,
    after: UUID | None = None,
) -> Iterator[tuple[int, UUID]]:
    """Decide batch after batch; yields how many were decided, and the last key of each.

    Each batch is a transaction of its own, begun when the iterator is moved on.
    """
    while True:
        rows = decidable(filters, by=by)
        if after is not None:
            rows = rows.filter(id__gt=after)
        found = [Chosen(*row) for row in rows.values_list(*_ASKED)[:BATCH]]
        if not found:
            return
        decided = 0
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.reason', %s, true)", [f"{decision}, in bulk"])
            for (stage, following), seen in _by_stage(found, decision).items():
                cursor.execute(
                    _DECIDE,
                    {
                        "keys": [one.key for one in seen],
                        "versions": [one.version for one in seen],
                        "checks": [
                            one.key for one in seen if not following and is_checked(one.percent)
                        ],
                        "stage": stage,
                        "next": following,
                        "decision": str(decision),
                        "reason": reason if decision == Decision.REJECTED else "",
                        "by": by.pk,
                        "batch": str(batch_id) if batch_id else None,
                    },
                )
                count, ids = cursor.fetchone()
                decided += count
                if not following:
                    tell_of_decisions(ids, decision)
        after = found[-1].key
        yield decided, after


def _by_stage(found: list[Chosen], decision: Decision) -> dict[tuple[str, str], list[Chosen]]:
    """By the stage they stand at and the one that follows; an empty one is the end."""
    parts: dict[tuple[str, str], list[Chosen]] = {}
    for one in found:
        order = one.stages or [str(ReviewStage.FINAL)]
        is_last = decision != Decision.APPROVED or one.stage not in order[:-1]
        following = "" if is_last else order[order.index(one.stage) + 1]
        parts.setdefault((one.stage, following), []).append(one)
    return parts
