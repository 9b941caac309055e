"""Batches: every item once, errors by image, stopped and gone on with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from annotations import handlers
from annotations.actions import batches, bulk, warming
from annotations.actions.claims import Filters
from annotations.errors import NotNow
from annotations.models import (
    AiAnnotationJob,
    Annotation,
    BatchJob,
    BatchJobError,
    BatchType,
    Decision,
    VisionCacheEntry,
)
from database.actor import acting_as
from database.fields import uuid7
from imaging.models import Image
from jobs.retry import Cancelled, GiveUp, RetryAfter
from providers.interface import ProviderBusy
from providers.models import Provider
from tests.annotations.making import make_annotation, make_collection
from tests.annotations.scripted import Scripted
from tests.factories import make_image, make_user
from tests.pictures import jpeg

pytestmark = pytest.mark.django_db(transaction=True)


def claimed() -> BatchJob:
    [job] = BatchJob.objects.claim("worker-1", 1, time_limit=timedelta(minutes=5))
    return job


def test_every_image_is_asked_about_once() -> None:
    person = make_user("analyst")
    images = [make_image() for _ in range(3)]
    annotated = make_image()
    make_annotation(image=annotated)
    batches.request(BatchType.ANNOTATE, by=person)

    job = claimed()
    handlers.run_batch(job)

    job.refresh_from_db()
    assert (job.status, job.item_count, job.done_count, job.error_count) == ("completed", 3, 3, 0)
    asked = AiAnnotationJob.objects.filter(batch_job=job, user=person)
    assert set(asked.values_list("image_id", flat=True)) == {image.pk for image in images}


def test_a_batch_that_stopped_goes_on_where_it_was() -> None:
    images = sorted((make_image() for _ in range(3)), key=lambda image: image.pk)
    batches.request(BatchType.ANNOTATE, by=make_user("analyst"))
    BatchJob.objects.update(resume_after=images[1].pk, done_count=2)

    job = claimed()
    handlers.run_batch(job)

    job.refresh_from_db()
    assert job.done_count == 3
    assert AiAnnotationJob.objects.get().image_id == images[2].pk


def test_a_batch_can_be_cancelled_between_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_STEP", 1)
    for _ in range(3):
        make_image()
    batches.request(BatchType.ANNOTATE, by=make_user("analyst"))
    job = claimed()
    BatchJob.objects.update(cancel_requested=True)

    with pytest.raises(Cancelled):
        handlers.run_batch(job)

    job.refresh_from_db()
    assert (job.done_count, AiAnnotationJob.objects.count()) == (1, 1)


def test_ten_decisions_by_batch() -> None:
    image, person = make_image(), make_user("analyst")
    for _ in range(10):
        make_annotation(image=image)
    bulk.request(Filters(), Decision.APPROVED, by=person)

    job = claimed()
    handlers.run_batch(job)

    job.refresh_from_db()
    assert (job.status, job.done_count) == ("completed", 10)
    assert Annotation.objects.filter(review_status="approved", reviewed_by=person).count() == 10


def test_asking_ahead_fills_the_cache_and_proposes_nothing(
    scripted: Scripted, receive: Callable[..., Any]
) -> None:
    image: Image = receive().image
    lost = make_image(file_name="lost.jpg")  # a row without a file
    batches.request(BatchType.WARM_CACHE, by=make_user("analyst"))

    job = claimed()
    handlers.run_batch(job)

    job.refresh_from_db()
    assert (job.status, job.done_count, job.error_count) == ("completed", 2, 1)
    [error] = BatchJobError.objects.filter(job=job)
    assert (error.image_id, "lost.jpg" in error.error_message) == (lost.pk, True)
    assert (scripted.asked, Annotation.objects.count()) == (1, 0)
    assert VisionCacheEntry.objects.get().image_id == image.pk


def test_asking_ahead_waits_while_the_provider_does_and_goes_on_where_it_was(
    scripted: Scripted, receive: Callable[..., Any]
) -> None:
    first, second = sorted(receive(jpeg(width=side)).image.pk for side in (320, 330))
    batches.request(BatchType.WARM_CACHE, by=make_user("analyst"))
    job = claimed()
    BatchJob.objects.update(retry_count=5)
    scripted.script = [scripted.answer, ProviderBusy("Busy.", retry_after=40)]

    with pytest.raises(RetryAfter, match="Busy") as told:
        handlers.run_batch(job)

    assert told.value.seconds == 40
    job.refresh_from_db()
    assert (job.resume_after, job.done_count, job.error_count) == (first, 1, 0)
    assert job.retry_count == 0, "it came further"
    scripted.script = [ProviderBusy("Busy.", retry_after=40)]
    with pytest.raises(RetryAfter):
        handlers.run_batch(job)
    handlers.run_batch(job)

    job.refresh_from_db()
    assert (job.status, job.done_count, job.error_count) == ("completed", 2, 0)
    kept = VisionCacheEntry.objects.values_list("image_id", flat=True)
    assert set(kept) == {first, second}


def test_asking_ahead_ends_where_nobody_can_be_asked(
    scripted: Scripted, receive: Callable[..., Any]
) -> None:
    receive()
    batches.request(BatchType.WARM_CACHE, by=make_user("analyst"))
    Provider.objects.filter(name="local").update(is_enabled=False)

    job = claimed()
    with pytest.raises(GiveUp, match="is switched off; an admin can switch it on"):
        handlers.run_batch(job)

    job.refresh_from_db()
    assert (job.done_count, job.error_count) == (0, 0)
    assert BatchJobError.objects.count() == 0


def test_whoever_stops_asking_ahead_does_not_wait_for_many_answers(
    scripted: Scripted, receive: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for side in (320, 330, 340):
        receive(jpeg(width=side))
    monkeypatch.setattr(batches, "_ASKED_STEP", 1)
    batches.request(BatchType.WARM_CACHE, by=make_user("analyst"))
    job = claimed()
    BatchJob.objects.update(cancel_requested=True)

    with pytest.raises(Cancelled):
        handlers.run_batch(job)

    assert scripted.asked == 1


def test_a_batch_of_somebody_who_left_ends_with_a_sentence() -> None:
    make_image()
    person = make_user("analyst")
    batches.request(BatchType.ANNOTATE, by=person)
    type(person).objects.filter(pk=person.pk).update(is_active=False)

    with pytest.raises(GiveUp, match="may not work here any more"):
        handlers.run_batch(claimed())


def test_nothing_to_do_and_unknown_names_are_refused() -> None:
    person = make_user("analyst")
    with pytest.raises(NotNow, match="No image fits"):
        batches.request(BatchType.ANNOTATE, by=person)
    make_image()
    collection = make_collection()
    with pytest.raises(NotNow, match="No image fits"):
        batches.request(BatchType.ANNOTATE, by=person, collection=collection.pk)
    with pytest.raises(NotNow, match="There is no provider"):
        batches.request(BatchType.ANNOTATE, by=person, provider="oracle")


@pytest.mark.parametrize("kind", [BatchType.APPROVE, BatchType.ANNOTATE])
def test_a_batch_of_somebody_who_lost_the_right_ends_with_a_sentence(kind: BatchType) -> None:
    image, person = make_image(), make_user("analyst")
    make_annotation(image=image)
    if kind == BatchType.APPROVE:
        bulk.request(Filters(), Decision.APPROVED, by=person)
    else:
        batches.request(kind, by=person, unannotated_only=False)
    User.objects.filter(pk=person.pk).update(role="viewer")

    job = claimed()
    with acting_as(person.pk), pytest.raises(GiveUp, match="has no right to it any more"):
        handlers.run_batch(job)

    assert Annotation.objects.get().review_status == "pending"
    assert AiAnnotationJob.objects.count() == 0


def test_the_longest_list_of_images_fits_into_a_batch() -> None:
    listed = [str(uuid7()) for _ in range(warming.MOST_LISTED)]
    said = {"provider": "p" * 40, "model": "m" * 120, "fallbacks": ["p" * 40] * 5, "images": listed}

    BatchJob.objects.create(job_type=BatchType.WARM_CACHE, parameters=said)

    assert BatchJob.objects.get().parameters["images"][-1] == listed[-1]


def test_a_batch_that_plain_sql_asked_for_says_what_it_lacks() -> None:
    make_image()
    said = {"provider": "oracle"}
    BatchJob.objects.create(job_type="warm_cache", user=make_user("analyst"), parameters=said)

    handlers.run_batch(claimed())

    assert BatchJob.objects.get().error_count == 1
    assert BatchJobError.objects.get().error_message == "There is no provider 'oracle'."
