"""AI jobs: the answer is stored once, paid once, and every failure ends in a stated result."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from annotations import handlers
from annotations.actions import ai_jobs
from annotations.errors import NotNow
from annotations.models import AiAnnotationJob, Annotation, VisionCacheEntry
from database.actor import acting_as
from imaging.models import Image
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
