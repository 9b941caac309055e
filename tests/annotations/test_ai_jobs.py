"""AI jobs: the answer is stored once, paid once, and every failure ends in a stated result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils import timezone

from annotations import handlers
from annotations.actions import ai_jobs, claims, deciding
from annotations.actions.deciding import Verdict
from annotations.errors import NotNow
from annotations.models import (
    AiAnnotationJob,
    Annotation,
    Decision,
    ReviewClaim,
    VisionCacheEntry,
)
from database.actor import acting_as
from imaging.actions import images
from imaging.models import Image, ProcessingJob
from jobs.retry import GiveUp, RetryAfter
from providers.interface import (
    AnswerUnreadable,
    Box,
    KeyRefused,
    ProviderBusy,
    ProviderDown,
    ProviderError,
)
from providers.models import Provider, UsageEntry
from tests.annotations.scripted import Scripted
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def claimed(image: Image, **given: Any) -> AiAnnotationJob:
    """A job of an analyst about the image, in a worker's hands."""
    ai_jobs.ask(image, by=make_user("analyst"), **given)
    [job] = AiAnnotationJob.objects.claim("worker-1", 1, time_limit=timedelta(minutes=5))
    return job


def test_the_boxes_of_an_answer_wait_for_review(scripted: Scripted, stored_image: Image) -> None:
    job = claimed(stored_image)

    handlers.annotate(job)

    job.refresh_from_db()
    [annotation] = Annotation.objects.all()
    assert (job.status, job.box_count, job.from_cache) == ("completed", 1, False)
    assert (annotation.label, annotation.vision_provider, annotation.review_status) == (
        "robin", "local", "pending",
    )  # fmt: skip
    assert str(annotation.vision_confidence) == "0.8300"
    assert annotation.bounding_box["bottomRight"] == {"x": 0.5, "y": 0.6}
    assert job.request_payload["prompt_version"]
    assert job.response_payload is not None
    assert job.response_payload["raw"] == {"said": "so"}
    [entry] = UsageEntry.objects.all()
    assert (entry.outcome, entry.user_id) == ("answered", job.user_id)


def test_what_was_paid_for_is_not_asked_again(scripted: Scripted, stored_image: Image) -> None:
    handlers.annotate(claimed(stored_image))
    again = claimed(stored_image)

    handlers.annotate(again)

    again.refresh_from_db()
    assert (scripted.asked, again.from_cache) == (1, True)
    assert VisionCacheEntry.objects.get().access_count == 1
    assert Annotation.objects.count() == 1, "the same proposal does not wait twice"


def test_a_worker_that_dies_before_storing_pays_nothing_twice(
    scripted: Scripted, stored_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = claimed(stored_image)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ai_jobs, "store", die)
        with pytest.raises(KeyboardInterrupt):
            handlers.annotate(job)
    assert Annotation.objects.count() == 0
    handlers.annotate(job)

    assert (scripted.asked, UsageEntry.objects.count()) == (1, 1)
    assert Annotation.objects.count() == 1


def test_reviewed_proposals_stay_when_the_provider_is_asked_again(
    scripted: Scripted, stored_image: Image
) -> None:
    handlers.annotate(claimed(stored_image))
    kept = Annotation.objects.get()
    Annotation.objects.filter(pk=kept.pk).update(label="jay")
    VisionCacheEntry.objects.all().delete()

    handlers.annotate(claimed(stored_image))

    assert Annotation.objects.count() == 2
    assert Annotation.objects.filter(pk=kept.pk, label="jay").exists()


@pytest.mark.parametrize(
    ("failure", "ending", "code"),
    [
        (KeyRefused("The key was refused."), GiveUp, "key_refused"),
        (ProviderBusy("Later.", retry_after=7), RetryAfter, "busy"),
        (ProviderDown("Nobody there."), RetryAfter, "down"),
        (AnswerUnreadable("Half a JSON."), GiveUp, "unreadable"),
    ],
)
def test_every_failure_ends_in_a_stated_result(
    scripted: Scripted,
    stored_image: Image,
    failure: ProviderError,
    ending: type[Exception],
    code: str,
) -> None:
    scripted.answer = failure
    job = claimed(stored_image)

    with pytest.raises(ending) as raised:
        handlers.annotate(job)

    job.refresh_from_db()
    assert job.error_code == code
    assert str(failure) in str(raised.value)
    if isinstance(failure, ProviderBusy):
        assert isinstance(raised.value, RetryAfter)
        assert raised.value.seconds == 7
    assert Annotation.objects.count() == 0


def test_an_image_that_is_removed_while_its_job_runs_ends_the_job(
    scripted: Scripted, stored_image: Image
) -> None:
    job = claimed(stored_image)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM images WHERE id = %s", [stored_image.pk])

    with pytest.raises(GiveUp, match="removed while its job waited"):
        handlers.annotate(job)


def test_boxes_that_are_none_are_left_out_and_said(scripted: Scripted, stored_image: Image) -> None:
    scripted.answer = scripted.boxes(
        Box(0.9, 0.9, 0.4, 0.4, "outside", 0.5), Box(0, 0, 1, 1, "whole", 1.0)
    )
    job = claimed(stored_image)

    handlers.annotate(job)

    job.refresh_from_db()
    assert job.box_count == 1
    assert "outside the picture" in str(job.response_payload)


def test_payloads_are_encrypted_when_the_settings_say_so(
    scripted: Scripted, stored_image: Image, setting: Any
) -> None:
    setting("encrypt_ai_payloads", True)
    job = claimed(stored_image)

    handlers.annotate(job)

    job.refresh_from_db()
    assert (job.request_payload, job.response_payload) == ({}, None)
    assert job.sealed_payloads is not None
    assert job.sealed_payloads.reveal()["response"]["raw"] == {"said": "so"}
    entry = VisionCacheEntry.objects.get()
    assert entry.response_data is None
    handlers.annotate(claimed(stored_image))
    assert scripted.asked == 1, "an encrypted answer is found again too"
    VisionCacheEntry.objects.update(expires_at=timezone.now())
    again = claimed(stored_image)
    with acting_as(again.user_id):  # as the engine runs it
        handlers.annotate(again)
    assert scripted.asked == 2
    renewed = VisionCacheEntry.objects.get().expires_at
    assert renewed is not None
    assert renewed > timezone.now()


def test_asking_is_refused_with_a_sentence(stored_image: Image) -> None:
    with pytest.raises(PermissionDenied):
        ai_jobs.ask(stored_image, by=make_user("viewer"))
    with pytest.raises(NotNow, match="There is no provider 'oracle'"):
        ai_jobs.ask(stored_image, by=make_user("analyst"), provider="oracle")
    one = ai_jobs.ask(stored_image, by=make_user("analyst"))
    two = ai_jobs.ask(stored_image, by=make_user("analyst"))
    assert (one.created, two.created, one.job.pk) == (True, False, two.job.pk)


def test_a_provider_that_is_off_is_not_asked(scripted: Scripted, stored_image: Image) -> None:
    Provider.objects.filter(name="local").update(is_enabled=False)
    job = claimed(stored_image)

    with pytest.raises(GiveUp, match="switched off"):
        handlers.annotate(job)
    assert scripted.asked == 0


def waits_for_a_lock() -> None:
    """Until somebody waits for what this transaction holds; fails after ten seconds."""
    until = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(
                "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY"
                " (pg_blocking_pids(pid))"
            )
            if cursor.fetchone() is not None:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("does", ["decides", "claims"])
def test_what_somebody_takes_up_in_that_very_moment_is_not_replaced(
    scripted: Scripted, stored_image: Image, does: str
) -> None:
    handlers.annotate(claimed(stored_image))
    annotation, reviewer = Annotation.objects.get(), make_user("moderator")
    job = claimed(stored_image)

    def again() -> None:
        try:
            handlers.annotate(job)
        finally:
            connection.close()

    thread = threading.Thread(target=again)
    with transaction.atomic():
        if does == "decides":
            deciding.decide(annotation.pk, Verdict(Decision.APPROVED, 1), by=reviewer)
        else:
            assert claims.next_for(reviewer, claims.Filters()) == annotation
        thread.start()
        waits_for_a_lock()
    thread.join(20)

    annotation.refresh_from_db()
    assert annotation.review_status == ("approved" if does == "decides" else "pending")
    job.refresh_from_db()
    assert (job.status, Annotation.objects.count()) == ("completed", 2)


def test_a_claim_that_has_run_out_does_not_double_the_proposal(
    scripted: Scripted, stored_image: Image
) -> None:
    handlers.annotate(claimed(stored_image))
    claims.claim(Annotation.objects.get(), by=make_user("analyst"))
    ReviewClaim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    handlers.annotate(claimed(stored_image))

    assert Annotation.objects.count() == 1


@pytest.mark.parametrize("when", ["while it waits", "while it is asked"])
def test_nothing_is_proposed_for_an_image_that_was_archived(
    scripted: Scripted, stored_image: Image, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    job, admin = claimed(stored_image), make_user("admin")
    ProcessingJob.objects.all().cancel()

    if when == "while it waits":
        images.archive(stored_image.pk, by=admin)
    else:
        told = scripted.annotate

        def archived(*asked: Any) -> Any:
            images.archive(stored_image.pk, by=admin)
            return told(*asked)

        monkeypatch.setattr(scripted, "annotate", archived)
    with pytest.raises(GiveUp, match="archived; an archived image is not annotated"):
        handlers.annotate(job)

    assert scripted.asked == (0 if when == "while it waits" else 1)
    assert Annotation.objects.count() == 0


@pytest.mark.parametrize("encrypted", [False, True])
def test_an_answer_that_replaces_another_is_measured_and_used_anew(
    scripted: Scripted,
    stored_image: Image,
    setting: Callable[[str, Any], None],
    encrypted: bool,
) -> None:
    setting("encrypt_ai_payloads", encrypted)
    handlers.annotate(claimed(stored_image))
    entry = VisionCacheEntry.objects.get()
    long_ago = timezone.now() - timedelta(days=100)
    VisionCacheEntry.objects.update(expires_at=long_ago, last_accessed_at=long_ago)
    size = entry.response_size_bytes
    scripted.answer = scripted.boxes(*[Box(0.1, 0.1, 0.2, 0.2, "robin", 0.5)] * 20)

    handlers.annotate(claimed(stored_image))

    entry.refresh_from_db()
    assert entry.response_size_bytes > size + 500
    assert entry.last_accessed_at > long_ago


def test_two_who_are_told_the_same_at_once_keep_one_encrypted_answer(
    scripted: Scripted,
    stored_image: Image,
    setting: Callable[[str, Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting("encrypt_ai_payloads", True)
    handlers.annotate(claimed(stored_image))
    VisionCacheEntry.objects.update(expires_at=timezone.now())
    looked, real = list[bool](), VisionCacheEntry.objects.select_for_update

    def select_for_update() -> Any:
        looked.append(True)
        rows = real()
        # The first look comes before the other has committed.
        return rows.none() if len(looked) == 1 else rows

    monkeypatch.setattr(VisionCacheEntry.objects, "select_for_update", select_for_update)
    handlers.annotate(claimed(stored_image))

    assert len(looked) == 2
    [kept] = VisionCacheEntry.objects.all()
    assert kept.expires_at is not None
    assert kept.expires_at > timezone.now()
    assert [entry.outcome for entry in UsageEntry.objects.all()] == ["answered"] * 2
