"""Daily, weekly and monthly care; retention and erasure of payloads; asking ahead."""

from __future__ import annotations

import io
import json
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.utils import timezone

from annotations.actions import erasure, maintenance, vision_cache
from annotations.actions.erasure import Scope
from annotations.models import (
    AiAnnotationJob,
    Annotation,
    BatchJob,
    BatchType,
    Exercise,
    VisionCacheEntry,
)
from jobs.schedule.declarations import entry
from tests.annotations.making import make_annotation, make_collection
from tests.annotations.test_documented_queries import make_entry, make_review
from tests.audit.capture import told
from tests.factories import make_image, make_price, make_provider, make_quota, make_user

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "the heron at the neighbour's pond"


def run(command: str, *arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(command, *arguments, "--json", stdout=out, stderr=io.StringIO())
    said: dict[str, Any] = json.loads(out.getvalue())
    return said


def text_of(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def make_asked(age: timedelta = timedelta(), **given: Any) -> AiAnnotationJob:
    """A job that was answered so long ago, and its annotation."""
    defaults: dict[str, Any] = {
        "image": given.get("image") or make_image(),
        "provider": "openai",
        "request_payload": {"prompt": SECRET},
        "response_payload": {"raw": SECRET},
    }
    job = AiAnnotationJob.objects.create(**(defaults | given))
    AiAnnotationJob.objects.filter(pk=job.pk).update(status="processing", started_at=timezone.now())
    when = timezone.now() - age
    AiAnnotationJob.objects.filter(pk=job.pk).update(
        status="completed", created_at=when, completed_at=when
    )
    make_annotation(image=job.image, ai_job=job)
    return job


def kept() -> set[uuid.UUID]:
    """The jobs that still say what was asked or answered."""
    return {
        job.pk
        for job in AiAnnotationJob.objects.all()
        if job.request_payload or job.response_payload is not None or job.sealed_payloads
    }


def erasures() -> list[Any]:
    return [one for one in told.entries() if one.action == "answer.erased"]


# --- Every day ------------------------------------------------------------------------------------


def test_the_daily_task_removes_what_expired_what_is_too_much_and_what_is_too_old(
    setting: Callable[[str, Any], None],
) -> None:
    now = timezone.now()
    setting("vision_cache_entries", 1)
    setting("ai_payload_days", 30)
    make_entry(expires_at=now - timedelta(seconds=1))
    Exercise.objects.create(
        user=make_user(), exercise_type="find", difficulty_level="easy", expires_at=now
    )
    make_entry(created_at=now - timedelta(days=31))
    make_entry(last_accessed_at=now - timedelta(days=2))
    newest = make_entry()
    make_asked(timedelta(days=31))
    young = make_asked(timedelta(days=29))

    expected = {
        "expired": 2,
        "evicted": 1,
        "payload_jobs": 1,
        "payload_answers": 1,
        "left": 1,
    }
    assert run("cleanup_annotations", "--dry-run") == expected | {"dry_run": True}
    assert VisionCacheEntry.objects.count() == 4
    assert run("cleanup_annotations") == expected | {"dry_run": False}
    assert [one.pk for one in VisionCacheEntry.objects.all()] == [newest.pk]
    assert kept() == {young.pk}
    assert set(run("cleanup_annotations").values()) == {0, 1}


def test_the_limit_can_be_given() -> None:
    for _ in range(3):
        make_entry()

    assert run("cleanup_annotations", "--max-entries", "2")["evicted"] == 1
    assert "Left: 2 answers" in text_of("cleanup_annotations", "--dry-run")
    with pytest.raises(CommandError, match="-1 is not from 0"):
        run("cleanup_annotations", "--max-entries", "-1")


def test_the_daily_report_names_what_failed_and_what_is_stuck() -> None:
    now = timezone.now()
    make_annotation(vision_confidence=Decimal("0.3"))
    make_annotation(vision_confidence=Decimal("0.9"))
    failed, stuck, busy = (AiAnnotationJob.objects.create(image=make_image()) for _ in range(3))
    every = AiAnnotationJob.objects.all()
    every.update(status="processing", started_at=now)
    every.filter(pk=failed.pk).update(
        status="failed", error_code="key_refused", error_message="The key is\nrefused."
    )
    every.filter(pk=stuck.pk).update(started_at=now - timedelta(minutes=61))
    every.filter(pk=busy.pk).update(started_at=now - timedelta(minutes=59))
    batch = BatchJob.objects.create(job_type="annotate", item_count=9)
    long_batch = BatchJob.objects.create(job_type="annotate")
    BatchJob.objects.update(status="processing", started_at=now - timedelta(hours=2))
    BatchJob.objects.filter(pk=long_batch.pk).update(deadline_at=now + timedelta(hours=3))

    said = run("annotation_status")

    assert said["review_queue"]["waiting"] == 2
    assert said["review_queue"]["below_80_percent"] == 1
    assert {one["queue"]: one["running"] for one in said["queues"]} == {
        "ai-annotations": 2,
        "batches": 2,
    }
    assert said["failed_by_reason"] == [
        {"provider": "local", "error_code": "key_refused", "jobs": 1}
    ]
    assert [one["job"] for one in said["failed"]] == [str(failed.pk)]
    assert [one["job"] for one in said["stuck"]] == [str(stuck.pk), str(batch.pk)]
    text = text_of("annotation_status")
    assert "Waiting for review: 2 annotations of AI, 1 of them below 80 %" in text
    assert "Stuck: 1 AI jobs, 1 batches." in text
    assert "refused." in text


# --- Every week and every month -------------------------------------------------------------------


def test_the_weekly_report_has_reviewers_and_the_cache() -> None:
    reviewer = make_user("moderator")
    make_review(reviewer, duration_ms=1500)
    make_review(reviewer, kind="gold", agrees=True)
    make_entry(access_count=1)

    said = run("annotation_status", "--weekly")

    assert said["reviewers"][0]["total_reviews"] == 1
    assert said["cache"][0]["cache_hit_potential"] == "50.00"
    assert said["stuck_ai_jobs"] == 0
    text = text_of("annotation_status", "--weekly")
    assert "1.5 s each, 100% of known answers right" in text
    assert "50.00 % of all questions were answered from it" in text


def test_the_monthly_report_has_the_cache_by_day_indexes_and_slow_queries() -> None:
    make_entry()
    assert run("refresh_cache_metrics") == {"refreshed": "cache_performance_metrics"}

    said = run("annotation_status", "--monthly")

    assert [(one["provider"], one["entries_created"]) for one in said["cache_by_day"]] == [
        ("openai", 1)
    ]
    names = {one["index"] for one in said["indexes"]}
    assert {"idx_exercise_cache_lookup", "idx_ai_jobs_status", "idx_cache_lookup"} <= names
    assert set(said["unused_indexes"]) <= names
    assert said["slow_queries"] is None or isinstance(said["slow_queries"], list)
    assert "answers kept" in text_of("annotation_status", "--monthly")


def test_only_one_report_at_a_time() -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        run("annotation_status", "--weekly", "--monthly")


def test_the_tasks_are_in_the_schedule() -> None:
    assert entry("cleanup_annotations").load() is not None
    assert entry("refresh_cache_metrics").cron == "47 3 * * *"


# --- Erasing --------------------------------------------------------------------------------------


def test_an_image_loses_its_payloads_and_answers_and_keeps_its_annotations() -> None:
    job, other = make_asked(), make_asked()
    make_entry(image_id=job.image_id, response_data={"raw": SECRET})
    make_entry(image_id=other.image_id)

    said = run("erase_ai_payloads", "--image", str(job.image_id))

    assert said == {"jobs": 1, "answers": 1, "dry_run": False}
    assert kept() == {other.pk}
    assert [one.image_id for one in VisionCacheEntry.objects.all()] == [other.image_id]
    assert Annotation.objects.filter(ai_job=job).count() == 1
    assert {(one.resource_type, one.resource_id) for one in erasures()} == {
        ("image", str(job.image_id))
    }


def test_nothing_of_what_is_erased_stands_in_the_log() -> None:
    person = make_user()
    job = make_asked(user=person)
    make_entry(image_id=job.image_id, response_data={"raw": SECRET})

    before = told.actions("job")
    run("erase_ai_payloads", "--user", person.email)

    assert kept() == set()
    assert SECRET not in told.everything()
    assert told.actions("job") == before  # the entry of the erasure tells of the jobs, too


def test_a_person_s_questions_go_with_the_answers_about_their_images() -> None:
    person, other = make_user("analyst"), make_user("analyst")
    own = make_image(user=person)
    mine, theirs = make_asked(user=person), make_asked(user=other)
    make_asked(user=other, image=own)
    make_asked(user=other, image=mine.image)
    for image in (own, mine.image, theirs.image):
        make_entry(image_id=image.pk)

    scope = Scope(user=person)
    assert erasure.count(scope).as_dict() == {"jobs": 3, "answers": 2}
    assert erasure.erase(scope, by=person).as_dict() == {"jobs": 3, "answers": 2}
    assert kept() == {theirs.pk}
    assert {one.details["user"] for one in erasures()} == {str(person.pk)}
    assert erasure.erase(scope).as_dict() == {"jobs": 0, "answers": 0}


def test_an_answer_that_is_in_use_at_the_moment_is_erased_all_the_same() -> None:
    image = make_image()
    used, free = make_entry(image_id=image.pk), make_entry(image_id=image.pk)
    held, done = threading.Event(), threading.Event()

    def use() -> None:
        try:
            with transaction.atomic():
                vision_cache.note_use([used.pk])
                held.set()
                done.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=use)
    thread.start()
    assert held.wait(20)
    steps = erasure.steps(Scope(image=image.pk))
    assert next(steps).keys == [free.pk]  # not kept waiting
    done.set()
    assert [step.keys for step in steps] == [[used.pk]]
    thread.join(20)

    assert VisionCacheEntry.objects.count() == 0


def test_what_is_old_goes_in_small_batches_each_with_its_entry() -> None:
    for _ in range(5):
        make_asked(timedelta(days=11))
    young = make_asked(timedelta(days=9))
    make_entry(created_at=timezone.now() - timedelta(days=11))

    said = run("erase_ai_payloads", "--older-than", "10", "--batch-size", "2")

    assert said == {"jobs": 5, "answers": 1, "dry_run": False}
    assert kept() == {young.pk}
    assert [len(one.details.get("jobs", ())) for one in erasures()] == [0, 2, 2, 1]
    assert {one.details["scope"] for one in erasures()} == {"age"}


def test_a_dry_run_changes_nothing() -> None:
    job = make_asked(timedelta(days=400))

    text = text_of("erase_ai_payloads", "--older-than", "0", "--dry-run")

    assert "Would erase what was asked and answered by 1 jobs, and 0 cached answers." in text
    assert kept() == {job.pk}
    assert erasures() == []


def test_encrypted_payloads_go_as_well() -> None:
    job = make_asked(request_payload={}, response_payload=None, sealed_payloads={"request": SECRET})
    assert kept() == {job.pk}

    assert run("erase_ai_payloads", "--image", str(job.image_id))["jobs"] == 1
    assert kept() == set()


def test_it_must_be_said_whose_payloads() -> None:
    for arguments in ([], ["--older-than", "1", "--user", "ana@example.org"], ["--image", "x"]):
        with pytest.raises(CommandError):
            run("erase_ai_payloads", *arguments)
    with pytest.raises(CommandError, match="Nobody has the e-mail address"):
        run("erase_ai_payloads", "--user", "nobody@example.org")
    with pytest.raises(ValueError, match="Say what is to be erased"):
        Scope()


# --- Asking ahead ---------------------------------------------------------------------------------


@pytest.fixture
def openai() -> Any:
    """A provider that is on and has its price."""
    provider = make_provider("openai", key="sk-team-0123456789")
    make_price(provider)
    return provider


def test_asking_ahead_says_what_it_costs_and_changes_nothing(openai: Any) -> None:
    person = make_user("analyst")
    make_quota(user=person, daily_cost_limit=Decimal("0.000001"))
    known, *_ = (make_image() for _ in range(3))
    make_entry(image_id=known.pk, model=openai.default_model)

    arguments = ["--provider", "openai", "--as", person.email, "--dry-run"]
    said = run("warm_cache", *arguments)

    assert (said["images"], said["batch"], said["is_too_much"]) == (2, None, True)
    assert Decimal(said["most_it_costs"]) > 0
    assert BatchJob.objects.count() == 0
    text = text_of("warm_cache", *arguments)
    assert "Would ask openai" in text
    assert "US dollars at most" in text
    assert "The limits may stop it" in text


def test_the_bound_is_that_of_the_call_itself(openai: Any) -> None:
    person = make_user("analyst")
    make_image()
    one = run("warm_cache", "--provider", "openai", "--as", person.email, "--dry-run")
    make_image()
    two = run("warm_cache", "--provider", "openai", "--as", person.email, "--dry-run")

    assert Decimal(two["most_it_costs"]) == 2 * Decimal(one["most_it_costs"])


def test_asking_ahead_queues_a_batch_for_the_person(openai: Any) -> None:
    person = make_user("analyst")
    home = make_collection(*(make_image() for _ in range(3)), name="Garden")
    make_image()

    said = run(
        "warm_cache",
        *("--provider", "openai", "--collection", "Garden", "--limit", "2", "--as", person.email),
    )

    job = BatchJob.objects.get()
    assert said["batch"] == str(job.pk)
    assert (job.job_type, job.user_id, job.item_count) == (BatchType.WARM_CACHE, person.pk, 2)
    assert job.parameters["collection"] == str(home.pk)
    assert len(job.parameters["images"]) == 2


def test_what_is_known_already_is_not_asked_again(openai: Any) -> None:
    image = make_image()
    make_entry(image_id=image.pk, model=openai.default_model)

    said = text_of("warm_cache", "--provider", "openai", "--as", make_user("analyst").email)

    assert "has answered about each of these images already" in said
    assert BatchJob.objects.count() == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--provider", "oracle"], "There is no provider 'oracle'"),
        (["--provider", "google"], "Google is switched off"),
        (["--provider", "openai", "--collection", "Nowhere"], "There is no collection 'Nowhere'"),
        (["--provider", "openai", "--limit", "60000"], "At most 20,000 images"),
    ],
)
def test_asking_ahead_is_refused_with_a_sentence(
    openai: Any, arguments: list[str], sentence: str
) -> None:
    make_image()
    with pytest.raises(CommandError, match=sentence):
        run("warm_cache", *arguments, "--as", make_user("analyst").email)


def test_who_may_not_have_images_annotated_may_not_ask_ahead(openai: Any) -> None:
    make_image()
    with pytest.raises(CommandError, match="may not have images annotated"):
        run("warm_cache", "--provider", "openai", "--as", make_user("viewer").email)
    with pytest.raises(CommandError, match="Nobody has the e-mail"):
        run("warm_cache", "--provider", "openai", "--as", "nobody@example.org")


def test_without_a_price_it_says_so() -> None:
    make_provider("openai")
    make_image()

    said = text_of(
        "warm_cache", "--provider", "openai", "--as", make_user("analyst").email, "--dry-run"
    )

    assert "Nobody has said what this model costs" in said


def test_slow_queries_are_unknown_without_the_extension() -> None:
    assert maintenance.slow_queries() is None or maintenance.slow_queries() == []
