"""The reports and functions under their documented names, as figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import Error, connection, transaction
from django.utils import timezone

from annotations.models import AiAnnotationJob, Exercise, VisionCacheEntry
from audit.models import Entry
from database.actor import acting_as, acting_as_system
from tests.annotations.making import make_annotation
from tests.annotations.test_documented_queries import make_entry, make_review
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db


def ask(statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def sweeps() -> list[Any]:
    return [
        entry.details
        for entry in Entry.objects.filter(action="cache.swept").order_by("created_at", "id")
    ]


def make_exercise(**given: Any) -> Exercise:
    defaults: dict[str, Any] = {"exercise_type": "identify", "difficulty_level": "easy"}
    return Exercise.objects.create(**(defaults | given))


# --- Views ----------------------------------------------------------------------------------------


def test_what_waits_comes_with_its_image_and_job() -> None:
    job = AiAnnotationJob.objects.create(image=make_image(), provider="openai")
    made = make_annotation(image=job.image, ai_job=job)
    make_annotation(review_status="approved", reviewed_by=make_user(), reviewed_at=timezone.now())

    (row,) = ask("SELECT * FROM pending_ai_annotations")

    assert (row["id"], row["ai_job_id"], row["job_status"]) == (made.pk, job.pk, "pending")
    assert (row["file_name"], row["file_path"]) == (job.image.file_name, job.image.file_path)


def test_jobs_are_counted_by_provider_and_status_with_how_long_they_took() -> None:
    now = timezone.now()
    for seconds in (2, 4):
        job = AiAnnotationJob.objects.create(image=make_image(), provider="openai")
        AiAnnotationJob.objects.filter(pk=job.pk).update(status="processing", started_at=now)
        AiAnnotationJob.objects.filter(pk=job.pk).update(
            status="completed",
            completed_at=now + timedelta(seconds=seconds),
            box_count=3,
            cost=Decimal("0.01"),
        )
    AiAnnotationJob.objects.create(image=make_image(), provider="openai")

    done, waiting = ask("SELECT * FROM ai_job_stats ORDER BY status")

    assert (done["status"], done["job_count"], done["total_boxes"]) == ("completed", 2, 6)
    assert (done["avg_duration_seconds"], done["total_cost"]) == (3, Decimal("0.02"))
    assert (waiting["status"], waiting["job_count"]) == ("pending", 1)


def test_a_reviewer_who_took_a_decision_back_is_not_counted_twice() -> None:
    reviewer = make_user("moderator")
    make_review(reviewer, was_edited=True, duration_ms=1000)
    make_review(reviewer, "reopened")

    (row,) = ask("SELECT * FROM reviewer_stats")

    assert (row["total_reviews"], row["edited_count"], row["reopened_count"]) == (1, 1, 1)
    assert (row["median_review_time_seconds"], row["reviewer_email"]) == (1, reviewer.email)


def test_the_cache_in_figures_by_view_and_by_function() -> None:
    make_entry(access_count=4, response_data={"raw": "x" * 1000})
    make_entry(expires_at=timezone.now() - timedelta(seconds=1))
    make_entry(invalidated_at=timezone.now())

    (view,) = ask("SELECT * FROM cache_stats")
    (function,) = ask("SELECT * FROM get_cache_stats()")

    assert (view["provider"], view["total_entries"], view["active_entries"]) == ("openai", 3, 1)
    assert view["total_accesses"] == 4
    assert function["total_entries"] == 3
    assert (function["active_entries"], function["expired_entries"]) == (1, 2)
    assert function["total_size_bytes"] > 1000
    assert view["total_size_mb"] == round(Decimal(function["total_size_bytes"]) / 1048576, 3)


def test_the_size_of_an_answer_is_measured_by_the_database() -> None:
    entry = make_entry(response_data={"boxes": [1, 2]})
    entry.refresh_from_db()

    assert entry.response_size_bytes == len('{"boxes": [1, 2]}')


# --- Functions ------------------------------------------------------------------------------------


def test_expired_and_withdrawn_entries_go_and_the_run_is_in_the_log() -> None:
    gone, person = timezone.now() - timedelta(seconds=1), make_user("admin")
    make_entry(expires_at=gone)
    make_entry(invalidated_at=gone)
    kept = make_entry(expires_at=gone + timedelta(hours=1))
    make_exercise(user=person, expires_at=gone)
    make_exercise(user=person, expires_at=None)

    with acting_as(person.pk):
        (row,) = ask("SELECT cleanup_expired_cache() AS removed")

    assert row["removed"] == 3
    assert [entry.pk for entry in VisionCacheEntry.objects.all()] == [kept.pk]
    assert Exercise.objects.count() == 1
    entry = Entry.objects.get(action="cache.swept")
    assert entry.actor_id == person.pk
    assert entry.details == {
        "function": "cleanup_expired_cache",
        "analysis_cache": 0,
        "vision_api_cache": 2,
        "exercise_cache": 1,
    }


def test_those_used_longest_ago_are_evicted() -> None:
    now = timezone.now()
    made = [make_entry(last_accessed_at=now - timedelta(minutes=age)) for age in (1, 3, 2)]

    (row,) = ask("SELECT evict_lru_cache(2) AS removed")

    assert row["removed"] == 1
    assert set(VisionCacheEntry.objects.values_list("pk", flat=True)) == {made[0].pk, made[2].pk}
    assert sweeps() == [{"function": "evict_lru_cache", "max_entries": 2, "removed": 1}]


def test_each_cache_can_be_evicted_by_its_name() -> None:
    user = make_user()
    make_exercise(user=user)

    for cache, removed in (("exercise_cache", 1), ("analysis_cache", 0), ("vision_api_cache", 0)):
        (row,) = ask("SELECT evict_lru_cache(0, %s) AS removed", cache)
        assert row["removed"] == removed, cache


@contextmanager
def refused(sentence: str) -> Iterator[None]:
    with pytest.raises(Error, match=sentence), transaction.atomic():
        yield


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("evict_lru_cache(1, 'users')", "There is no cache users"),
        ("evict_lru_cache(1, 'users; DROP TABLE users')", "There is no cache"),
        ("evict_lru_cache(-1)", "max_entries must be 0 or more"),
        ("evict_lru_cache(NULL)", "max_entries must be 0 or more"),
    ],
)
def test_eviction_refuses_what_is_no_cache_and_no_number(call: str, sentence: str) -> None:
    with refused(sentence):
        ask(f"SELECT {call}")


def test_refreshing_the_daily_figures_is_in_the_log() -> None:
    make_entry(access_count=1)

    ask("SELECT refresh_cache_metrics()")

    assert ask("SELECT entries_created, total_accesses FROM cache_performance_metrics") == [
        {"entries_created": 1, "total_accesses": 1}
    ]
    assert Entry.objects.filter(action="cache.measured").count() == 1


# --- Who may run them -----------------------------------------------------------------------------

_RUNS = ("cleanup_expired_cache()", "evict_lru_cache(0)", "refresh_cache_metrics()")
_LOOKS = ("get_cache_stats()",)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("lacuna_app", {*_RUNS, *_LOOKS}),
        ("lacuna_admin", {*_RUNS, *_LOOKS}),
        ("lacuna_system", {*_RUNS, *_LOOKS}),
        ("lacuna_owner", {*_RUNS, *_LOOKS}),
        ("lacuna_readonly", {*_LOOKS}),
        ("lacuna_auditor", set()),
        ("lacuna_sealer", set()),
    ],
)
def test_the_functions_are_granted_by_role(
    administrator: psycopg.Connection[tuple[Any, ...]], role: str, allowed: set[str]
) -> None:
    administrator.execute(f"SET ROLE {role}")
    may = set()
    for call in (*_RUNS, *_LOOKS):
        with administrator.transaction(force_rollback=True):
            try:
                administrator.execute(f"SELECT {call}")
                may.add(call)
            except psycopg.errors.InsufficientPrivilege:
                continue
    administrator.execute("RESET ROLE")

    assert may == allowed


def test_somebody_who_may_not_delete_answers_removes_none_by_the_functions() -> None:
    make_entry(expires_at=timezone.now() - timedelta(seconds=1))
    for role in ("viewer", "analyst", "moderator"):
        with acting_as(make_user(role).pk):
            assert ask("SELECT cleanup_expired_cache() AS removed") == [{"removed": 0}]
            assert ask("SELECT evict_lru_cache(0) AS removed") == [{"removed": 0}]

    with acting_as_system():
        assert ask("SELECT evict_lru_cache(0) AS removed") == [{"removed": 1}]
