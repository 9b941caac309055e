"""The queries of the Aves document run as they are written there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from annotations.models import AiAnnotationJob, AnnotationReview, VisionCacheEntry
from tests.annotations.making import make_annotation
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db(transaction=True)

Owner = psycopg.Connection[tuple[Any, ...]]

LOW_CONFIDENCE = """
SELECT * FROM pending_ai_annotations
WHERE vision_confidence < 0.8
LIMIT 10;
"""
HIT_RATE = """
SELECT
  provider,
  cache_hit_potential as hit_rate_percent
FROM cache_stats;
"""
PRODUCTIVE = """
SELECT * FROM reviewer_stats
ORDER BY total_reviews DESC
LIMIT 10;
"""
STALE = """
SELECT * FROM ai_annotation_jobs
WHERE status = 'processing'
  AND created_at < NOW() - INTERVAL '1 hour';
"""
DAILY = ("SELECT cleanup_expired_cache()", "SELECT evict_lru_cache(10000)")
DAILY_LOOKS = ("SELECT * FROM ai_job_stats", "SELECT * FROM pending_ai_annotations")
WEEKLY_LOOKS = ("SELECT * FROM reviewer_stats", "SELECT * FROM cache_stats")
MONTHLY = (
    "SELECT refresh_cache_metrics()",
    "SELECT * FROM pg_stat_user_indexes",
    "SELECT * FROM get_cache_stats()",
)
REPORTS = (
    "pending_ai_annotations",
    "ai_job_stats",
    "reviewer_stats",
    "cache_stats",
    "user_roles_summary",
)


def rows(owner: Owner, statement: str) -> list[dict[str, Any]]:
    cursor = owner.execute(statement)
    names = [column.name for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def make_review(reviewer: User, decision: str = "approved", **given: Any) -> AnnotationReview:
    annotation = make_annotation()
    return AnnotationReview.objects.create(
        annotation=annotation,
        reviewer=reviewer,
        stage="final",
        decision=decision,
        bounding_box=annotation.bounding_box,
        version=1,
        **given,
    )


def make_entry(**given: Any) -> VisionCacheEntry:
    number = VisionCacheEntry.objects.count()
    defaults: dict[str, Any] = {
        "url_hash": f"{number:064x}",
        "provider": "openai",
        "response_data": {"boxes": []},
        "response_time_ms": 800,
    }
    return VisionCacheEntry.objects.create(**(defaults | given))


def test_pending_ai_annotations_with_low_confidence(owner: Owner) -> None:
    high = make_annotation(vision_confidence=Decimal("0.79"))
    low = make_annotation(vision_confidence=Decimal("0.10"))
    make_annotation(vision_confidence=Decimal("0.95"))
    make_annotation(vision_generated=False, vision_confidence=None, vision_provider=None)

    found = rows(owner, LOW_CONFIDENCE)

    assert [row["id"] for row in found] == [low.pk, high.pk]
    assert found[0]["file_name"] == low.image.file_name


def test_the_hit_rate_by_provider(owner: Owner) -> None:
    make_entry(access_count=3)
    make_entry(access_count=0)
    make_entry(provider="google")

    found = {row["provider"]: row["hit_rate_percent"] for row in rows(owner, HIT_RATE)}

    # Two answers were paid for and three questions were not.
    assert found == {"openai": Decimal("60.00"), "google": Decimal("0.00")}


def test_the_most_productive_reviewers(owner: Owner) -> None:
    busy, other = make_user("moderator"), make_user("analyst")
    for decision in ("approved", "rejected", "approved"):
        make_review(busy, decision, duration_ms=2000)
    make_review(other)
    make_review(other, kind="gold", agrees=True)

    first, second = rows(owner, PRODUCTIVE)

    assert (first["reviewer_id"], first["total_reviews"]) == (busy.pk, 3)
    assert (first["approved_count"], first["rejected_count"]) == (2, 1)
    assert first["avg_review_time_seconds"] == 2
    assert (second["reviewer_id"], second["total_reviews"]) == (other.pk, 1)
    assert (second["gold_count"], second["gold_agreement"]) == (1, 1)


def test_stale_jobs(owner: Owner) -> None:
    stale, fresh = (
        AiAnnotationJob.objects.create(image=make_image(), provider="local") for _ in range(2)
    )
    AiAnnotationJob.objects.update(status="processing")
    AiAnnotationJob.objects.filter(pk=stale.pk).update(
        created_at=timezone.now() - timedelta(minutes=61)
    )

    found = rows(owner, STALE)

    assert [row["id"] for row in found] == [stale.pk]
    assert fresh.pk not in [row["id"] for row in found]


def test_the_daily_weekly_and_monthly_tasks_run_as_the_owner(owner: Owner) -> None:
    make_entry(expires_at=timezone.now() - timedelta(seconds=1))
    make_entry(access_count=1)
    make_annotation()
    make_review(make_user("analyst"))
    AiAnnotationJob.objects.create(image=make_image())

    assert [rows(owner, task) for task in DAILY] == [
        [{"cleanup_expired_cache": 1}],
        [{"evict_lru_cache": 0}],
    ]
    for look in (*DAILY_LOOKS, *WEEKLY_LOOKS, *MONTHLY):
        assert rows(owner, look), look


def test_the_materialized_view_is_refreshed_concurrently_and_by_its_function(
    owner: Owner,
) -> None:
    make_entry(access_count=1)
    owner.execute("SELECT refresh_cache_metrics()")
    make_entry(provider="google")
    look = "SELECT provider, cache_hit_potential FROM cache_performance_metrics ORDER BY 1"
    assert owner.execute(look).fetchall() == [("openai", Decimal("50.00"))]

    owner.execute("SET ROLE lacuna_backup")  # it belongs to the role that sees every row
    owner.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY cache_performance_metrics")
    owner.execute("RESET ROLE")

    assert owner.execute(look).fetchall() == [
        ("google", Decimal("0.00")),
        ("openai", Decimal("50.00")),
    ]


def test_a_constraint_can_be_lifted_for_an_import_and_put_back(owner: Owner) -> None:
    """The document advises it for development; here it takes one statement each."""
    name = "check_bounding_box_coords"
    held = owner.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name]
    ).fetchone()
    assert held is not None
    with owner.transaction(force_rollback=True):
        owner.execute(f"ALTER TABLE annotations DROP CONSTRAINT {name}")
        owner.execute(f"ALTER TABLE annotations ADD CONSTRAINT {name} {held[0]} NOT VALID")
        owner.execute(f"ALTER TABLE annotations VALIDATE CONSTRAINT {name}")


@pytest.mark.parametrize("view", REPORTS)
def test_every_report_answers_the_application_the_owner_and_the_reporting_role(
    view: str, administrator: Owner
) -> None:
    make_annotation()
    make_review(make_user("analyst"))
    make_entry()
    AiAnnotationJob.objects.create(image=make_image())

    for role in ("lacuna_system", "lacuna_admin", "lacuna_owner", "lacuna_readonly"):
        administrator.execute(f"SET ROLE {role}")
        assert administrator.execute(f"SELECT * FROM {view}").fetchall(), role
        administrator.execute("RESET ROLE")


def test_a_slow_query_on_pending_annotations_has_its_index() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # Of a few rows anything is cheap; whether the index fits does not depend on how many.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {LOW_CONFIDENCE}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "idx_annotations_vision_review" in plan
