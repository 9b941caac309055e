"""Confidence is learned anew by a batch that somebody asks for, and each night."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from annotations import handlers, schedule
from annotations.actions import calibrating, recalibrating
from annotations.errors import NotNow
from annotations.knowledge import queries
from annotations.models import Annotation, BatchJob, ConfidenceCalibration
from audit.models import Entry
from jobs.models import RecurringJob
from tests.annotations.knowledge.deciding import simulated, waiting
from tests.factories import make_user

LOCAL = queries.Model("local", "test-1")


def claimed() -> BatchJob:
    [job] = BatchJob.objects.claim("worker-1", 1, time_limit=timedelta(minutes=5))
    return job


@pytest.mark.django_db(transaction=True)
def test_a_batch_calibrates_every_model_that_enough_was_decided_on() -> None:
    simulated(120)
    simulated(10, vision_provider="openai")
    [waits] = waiting(["0.9"])
    person = make_user("moderator")

    recalibrating.request(by=person)
    job = claimed()
    handlers.run_batch(job)

    job.refresh_from_db()
    assert (job.status, job.item_count, job.done_count, job.error_count) == ("completed", 1, 1, 0)
    curve = ConfidenceCalibration.objects.get()
    assert (curve.provider, curve.model, curve.is_active) == ("local", "test-1", True)
    waits.refresh_from_db()
    assert waits.calibrated_confidence is not None
    assert Entry.objects.get(action="calibration.fitted").actor_id == person.pk


@pytest.mark.django_db(transaction=True)
def test_a_model_that_cannot_be_calibrated_is_an_error_of_the_batch() -> None:
    simulated(60)
    first = Annotation.objects.order_by("id")[0].image_id
    Annotation.objects.update(image_id=first)

    recalibrating.request(by=make_user("admin"))
    job = claimed()
    handlers.run_batch(job)

    job.refresh_from_db()
    assert (job.status, job.error_count) == ("completed", 1)
    assert "lie in too few images" in job.errors.get().error_message


@pytest.mark.django_db
def test_it_is_asked_for_once_by_who_runs_the_review() -> None:
    with pytest.raises(NotNow, match="No provider has 50 decided annotations"):
        recalibrating.request(by=make_user("admin"))
    simulated(60)
    with pytest.raises(PermissionDenied):
        recalibrating.request(by=make_user("analyst"))

    recalibrating.request(by=make_user("moderator"))

    with pytest.raises(NotNow, match="queued already"):
        recalibrating.request(by=make_user("admin"))


@pytest.mark.django_db
def test_the_page_has_the_button_for_who_may() -> None:
    simulated(60)
    client = Client()
    client.force_login(make_user("moderator"))
    assert "Calibrate now" in client.get("/annotations/knowledge/").content.decode()

    answer = client.post("/annotations/knowledge/calibrate/", follow=True)

    assert "Calibrating is queued" in answer.content.decode()
    again = client.post("/annotations/knowledge/calibrate/", follow=True)
    assert "queued already" in again.content.decode()
    other = Client()
    other.force_login(make_user("viewer"))
    assert "Calibrate now" not in other.get("/annotations/knowledge/").content.decode()
    assert other.post("/annotations/knowledge/calibrate/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_at_night_only_what_a_tenth_more_is_known_of_is_learned_again() -> None:
    simulated(100)
    assert recalibrating.due() == [LOCAL]
    RecurringJob.objects.enqueue([RecurringJob(name="recalibrate_confidence", tick=timezone.now())])
    [job] = RecurringJob.objects.claim("worker-1", 1, time_limit=timedelta(minutes=5))
    schedule.recalibrate(job)
    assert ConfidenceCalibration.objects.count() == 1

    simulated(9)
    assert recalibrating.due() == []
    simulated(2)
    assert recalibrating.due() == [LOCAL]
    assert calibrating.LEAST_DECISIONS <= 100
