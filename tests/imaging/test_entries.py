"""Each thing that is done with images has its entry in the audit log, and one alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.models import Entry
from imaging import handlers
from imaging.actions import cache, images, jobs
from imaging.errors import NotNow
from imaging.models import AnalysisCacheEntry, AnalysisResult, AnalysisResultHistory, ProcessingJob
from jobs.context import current
from tests.audit.capture.told import entries
from tests.factories import make_image, make_job, make_result, make_user
from tests.imaging.conftest import Receive

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def moderator() -> User:
    return make_user("moderator")


def since(mark: int) -> list[Entry]:
    return entries()[mark:]


def worked_on(job: ProcessingJob) -> None:
    """Take a job as a worker would, and run its handler as it would."""
    ProcessingJob.objects.filter(pk=job.pk).update(
        status="processing", attempt=job.attempt + 1, worker_id="a test", started_at=timezone.now()
    )
    taken = ProcessingJob.objects.get(pk=job.pk)
    token = current.set(("imaging", taken))
    try:
        handlers.analyse(taken)
    finally:
        current.reset(token)


def test_handing_in_an_image_is_an_entry_and_asking_for_its_analysis_another(
    receive: Receive, analyst: User
) -> None:
    mark = len(entries())
    upload = receive(name="disc.jpg")

    uploaded, requested = since(mark)
    assert (uploaded.action, requested.action) == ("image.uploaded", "analysis.requested")
    assert uploaded.actor_id == requested.actor_id == analyst.pk
    assert uploaded.resource_id == requested.resource_id == str(upload.image.pk)
    assert uploaded.changes_after["file_name"] == "disc.jpg"
    assert uploaded.changes_after["file_hash"] == upload.image.file_hash
    assert uploaded.changes_after["file_size"] == upload.image.file_size
    assert upload.job is not None
    assert requested.details["job"] == str(upload.job.pk)


def test_the_same_bytes_again_are_an_entry(receive: Receive) -> None:
    receive()
    mark = len(entries())
    receive(name="again.jpg")

    (entry,) = since(mark)
    assert entry.action == "image.uploaded_again"
    assert entry.details == {"file_name": "again.jpg", "times": 2}


def test_an_analysis_is_one_entry_with_its_result_its_job_and_its_duration(
    receive: Receive, analyst: User
) -> None:
    upload = receive()
    assert upload.job is not None
    mark = len(entries())
    worked_on(upload.job)

    (entry,) = since(mark)
    result = AnalysisResult.objects.get()
    assert (entry.action, entry.actor_id) == ("analysis.completed", analyst.pk)
    assert entry.resource_id == str(upload.image.pk)
    assert entry.details["result"] == str(result.pk)
    assert (entry.source, entry.job_id) == ("job", str(upload.job.pk))
    assert entry.duration_ms == result.processing_time_ms


def test_a_result_that_replaces_another_is_one_entry(receive: Receive, analyst: User) -> None:
    upload = receive()
    assert upload.job is not None
    worked_on(upload.job)
    job = jobs.request(upload.image, by=analyst, parameters={"method": "luma"})
    mark = len(entries())
    worked_on(job)

    assert [entry.action for entry in since(mark)] == ["analysis.completed"]
    assert AnalysisResultHistory.objects.count() == 1


def test_an_analysis_that_failed_for_good_is_an_entry_whoever_ended_it() -> None:
    job = make_job()
    ProcessingJob.objects.filter(pk=job.pk).update(
        status="processing", attempt=1, worker_id="w", started_at=timezone.now()
    )
    job.refresh_from_db()
    mark = len(entries())

    assert ProcessingJob.objects.fail(job, "The file is broken.", permanent=True)

    (entry,) = since(mark)
    assert (entry.action, entry.outcome) == ("analysis.failed", "failure")
    assert entry.resource_id == str(job.image_id)
    assert entry.details == {
        "job": str(job.pk),
        "asked_by": str(job.user_id),
        "attempts": 1,
        "error": "The file is broken.",
    }


def test_an_attempt_that_will_be_repeated_is_none() -> None:
    job = make_job()
    ProcessingJob.objects.filter(pk=job.pk).update(
        status="processing", attempt=1, worker_id="w", started_at=timezone.now()
    )
    job.refresh_from_db()
    mark = len(entries())

    assert ProcessingJob.objects.fail(job, "Not now.")
    assert since(mark) == []


def test_dismissing_a_duplicate_and_writing_a_note_are_entries(moderator: User) -> None:
    original = make_image()
    image = make_image(is_duplicate=True, duplicate_of=original, duplicate_distance=2)
    result = make_result(image=image)
    result.refresh_from_db()
    mark = len(entries())

    images.not_a_duplicate(image.pk, by=moderator)
    images.write_note(image.pk, "A crack, top left.", seen=result.updated_at, by=moderator)

    dismissed, noted = since(mark)
    assert (dismissed.action, noted.action) == ("image.duplicate_dismissed", "result.noted")
    assert dismissed.changes_before == {"duplicate_of": str(original.pk), "distance": 2}
    assert noted.resource_id == str(result.pk)
    assert noted.changes_after == {"notes": "A crack, top left."}


def test_steering_jobs_is_an_entry_each(moderator: User) -> None:
    job, failed = make_job(), make_job(status="failed")
    mark = len(entries())

    jobs.prioritise(job.pk, priority=9, by=moderator)
    jobs.cancel(job.pk, by=moderator)
    jobs.retry(failed.pk, by=moderator)

    told = since(mark)
    assert [entry.action for entry in told] == ["job.prioritised", "job.cancelled", "job.retried"]
    assert all(entry.actor_id == moderator.pk for entry in told)
    assert (told[0].changes_before, told[0].changes_after) == ({"priority": 5}, {"priority": 9})


def test_what_is_refused_is_no_entry(moderator: User) -> None:
    job = make_job()
    mark = len(entries())

    with pytest.raises(NotNow):
        jobs.retry(job.pk, by=moderator)
    with pytest.raises(NotNow):
        images.not_a_duplicate(job.image_id, by=moderator)

    assert since(mark) == []


def test_cleaning_the_cache_is_an_entry_for_each_batch() -> None:
    image = make_image()
    for n in range(3):
        AnalysisCacheEntry.objects.create(
            cache_key=f"k{n}",
            image=image,
            algorithm_fingerprint="f",
            cached_result={},
            expires_at=timezone.now() - timedelta(days=1),
        )
    mark = len(entries())

    cache.clean_up(batch_size=2)

    told = since(mark)
    assert [entry.action for entry in told] == ["cache.cleaned", "cache.cleaned"]
    assert [entry.details["rows"] for entry in told] == [2, 1]
    assert {entry.details["reason"] for entry in told} == {"expired"}


def test_reading_a_result_is_an_entry_and_looking_at_its_picture_is_none() -> None:
    viewer = make_user("viewer")
    result = make_result()
    pending = make_image()
    client = Client()
    client.force_login(viewer)
    mark = len(entries())

    client.get(f"/imaging/image/{result.image_id}/change/")
    client.get(f"/imaging/image/{pending.pk}/change/")
    client.get("/imaging/image/")
    client.get(f"/imaging/image/{result.image_id}/status/")
    client.get(f"/imaging/image/{result.image_id}/file/thumbnail/")

    (entry,) = since(mark)
    assert (entry.action, entry.actor_id) == ("result.viewed", viewer.pk)
    assert entry.resource_id == str(result.pk)
    assert entry.details["image"] == str(result.image_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT action FROM security_audit WHERE id = %s", [entry.entry_id])
        assert cursor.fetchone() == ("view_results",)


def test_reading_an_earlier_result_is_an_entry() -> None:
    result = make_result()
    AnalysisResult.objects.filter(pk=result.pk).update(algorithm_version="ns-2")
    earlier = AnalysisResultHistory.objects.get()
    client = Client()
    client.force_login(make_user("viewer"))
    mark = len(entries())

    client.get(f"/imaging/analysisresulthistory/{earlier.pk}/change/")

    (entry,) = since(mark)
    assert (entry.action, entry.resource_type) == ("result.viewed", "earlier_result")


def test_the_words_of_the_documents_are_all_spoken() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT documented FROM audits.audit_action")
        spoken = {row[0] for row in cursor.fetchall()} - {None}

    assert spoken >= {
        "login",
        "logout",
        "create_image",
        "delete_image",
        "run_analysis",
        "view_results",
        "export_data",
        "permission_change",
        "config_change",
    }
