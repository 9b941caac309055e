"""From a queued job to the result in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image as Pillow

from imaging import analysis, handlers
from imaging.actions import jobs, results
from imaging.errors import NotNow, SourceLost
from imaging.models import (
    AnalysisCacheEntry,
    AnalysisResult,
    AnalysisResultHistory,
    Image,
    ProcessingJob,
)
from jobs.errors import GiveUp, LostLease
from tests.factories import make_image, make_job, make_user
from tests.imaging.conftest import Receive

pytestmark = pytest.mark.django_db

Claim = Callable[[ProcessingJob], ProcessingJob]


@pytest.fixture
def claim() -> Claim:
    """Take a job as a worker would, and run nothing."""

    def take(job: ProcessingJob) -> ProcessingJob:
        ProcessingJob.objects.filter(pk=job.pk).update(
            status="processing",
            attempt=job.attempt + 1,
            worker_id="a test",
            started_at=timezone.now(),
        )
        return ProcessingJob.objects.get(pk=job.pk)

    return take


@pytest.fixture
def run(claim: Claim) -> Claim:
    """Take a job and run its handler, which also marks it as done."""

    def work(job: ProcessingJob) -> ProcessingJob:
        taken = claim(job)
        handlers.analyse(taken)
        return taken

    return work


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each real computation leaves a mark."""
    marks: list[str] = []
    real = analysis.analyse

    def analyse(picture: Any, parameters: Any, **options: Any) -> Any:
        marks.append(parameters.method)
        return real(picture, parameters, **options)

    monkeypatch.setattr(analysis, "analyse", analyse)
    return marks


def test_a_job_puts_a_result_in_force(receive: Receive, run: Claim) -> None:
    upload = receive()
    assert upload.job is not None
    run(upload.job)

    image = Image.objects.get()
    result = AnalysisResult.objects.get(image=image)
    assert image.analysis_status == "completed"
    assert ProcessingJob.objects.get().status == "completed"
    assert image.processed_at is not None
    assert result.algorithm_version == "ns-1"
    assert result.algorithm_parameters["method"] == "mbd"
    assert 0.5 < result.negative_space_data["void_ratio"] < 0.99
    assert result.negative_space_data["euler"] == 1
    assert 0 < float(result.confidence_score or 0) <= 1
    assert result.processing_time_ms is not None
    assert result.job_id == upload.job.pk
    assert not result.from_cache


def test_the_pictures_of_the_page_are_stored(receive: Receive, run: Claim) -> None:
    upload = receive()
    assert upload.job is not None
    run(upload.job)

    result = AnalysisResult.objects.get()
    assert results.pictures_exist(upload.image, result.algorithm_fingerprint)
    with (
        default_storage.open(result.visualization_path or "") as file,
        Pillow.open(file) as picture,
    ):
        assert (picture.format, picture.size) == ("WEBP", (1600, 1200))


def test_the_same_analysis_is_never_computed_twice(
    receive: Receive, run: Claim, counted: list[str]
) -> None:
    upload = receive()
    assert upload.job is not None
    run(upload.job)
    first = AnalysisResult.objects.get()

    run(jobs.request(upload.image, by=upload.image.user, parameters={"method": "luma"}))
    run(jobs.request(upload.image, by=upload.image.user))

    again = AnalysisResult.objects.get()
    assert counted == ["mbd", "luma"]
    assert again.from_cache
    assert again.negative_space_data == first.negative_space_data
    assert again.confidence_score == first.confidence_score
    assert (
        AnalysisCacheEntry.objects.get(algorithm_fingerprint=again.algorithm_fingerprint).hit_count
        == 1
    )
    assert [
        kept.algorithm_parameters["method"]
        for kept in AnalysisResultHistory.objects.order_by("superseded_at", "id")
    ] == ["mbd", "luma"]


def test_an_expired_cache_entry_is_computed_anew(
    receive: Receive, run: Claim, counted: list[str]
) -> None:
    upload = receive()
    assert upload.job is not None
    run(upload.job)
    AnalysisCacheEntry.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    run(jobs.request(upload.image, by=upload.image.user))

    assert counted == ["mbd", "mbd"]


def test_a_cached_result_whose_pictures_are_gone_is_computed_anew(
    receive: Receive, run: Claim, counted: list[str]
) -> None:
    upload = receive()
    assert upload.job is not None
    run(upload.job)
    result = AnalysisResult.objects.get()
    default_storage.delete(result.visualization_path or "")

    run(jobs.request(upload.image, by=upload.image.user))

    assert counted == ["mbd", "mbd"]
    assert default_storage.exists(result.visualization_path or "")


def test_two_runs_give_the_same_result(receive: Receive, run: Claim) -> None:
    found = []
    for _ in range(2):
        AnalysisCacheEntry.objects.all().delete()
        upload = receive()
        run(jobs.request(upload.image, by=upload.image.user))
        result = AnalysisResult.objects.get()
        found.append((result.negative_space_data, result.quality_metrics, result.anomalies))

    assert found[0] == found[1]


def test_a_worker_that_lost_its_lease_writes_nothing(receive: Receive, claim: Claim) -> None:
    upload = receive()
    assert upload.job is not None
    late = claim(upload.job)
    ProcessingJob.objects.filter(pk=late.pk).update(status="retrying")
    claim(ProcessingJob.objects.get(pk=late.pk))

    with pytest.raises(LostLease):
        handlers.analyse(late)

    assert not AnalysisResult.objects.exists()
    assert not AnalysisCacheEntry.objects.exists()


def test_a_file_that_vanished_fails_for_good_with_its_name(receive: Receive, claim: Claim) -> None:
    upload = receive(name="gone.jpg")
    assert upload.job is not None
    default_storage.delete(upload.image.file_path)

    with pytest.raises(SourceLost, match=r"gone.jpg: the stored file originals/.* is gone"):
        handlers.analyse(claim(upload.job))
    assert SourceLost.permanent


def test_a_file_changed_behind_our_back_is_found_out(receive: Receive, claim: Claim) -> None:
    upload = receive(name="changed.jpg")
    assert upload.job is not None
    default_storage.save(upload.image.file_path, ContentFile(b"something else"))

    with pytest.raises(SourceLost, match="changed.jpg: .* no longer holds the bytes"):
        handlers.analyse(claim(upload.job))


def test_a_method_the_file_does_not_allow_fails_for_good(receive: Receive, run: Claim) -> None:
    upload = receive(name="opaque.jpg")

    with pytest.raises(GiveUp, match=r"opaque.jpg: .*alpha"):
        run(jobs.request(upload.image, by=upload.image.user, parameters={"method": "alpha"}))


def test_asking_again_for_what_waits_answers_with_that_job(receive: Receive) -> None:
    upload = receive()

    assert jobs.request(upload.image, by=upload.image.user) == upload.job
    assert ProcessingJob.objects.count() == 1


@pytest.mark.parametrize(
    "parameters", [{"method": "magic"}, {"blurr": 9}, {"working_edge": -1}, {"blur": "wide"}]
)
def test_wrong_parameters_are_refused_by_name(parameters: dict[str, Any], receive: Receive) -> None:
    image = receive().image
    with pytest.raises(NotNow, match=next(iter(parameters))):
        jobs.request(image, by=image.user, parameters=parameters)


def test_an_archived_image_is_not_analysed() -> None:
    image = make_image(analysis_status="archived")
    with pytest.raises(NotNow, match="archived"):
        jobs.request(image, by=image.user)


def test_only_a_failed_job_can_be_retried() -> None:
    failed = make_job(status="failed", error_message="no luck", retry_count=3)
    person = make_user("analyst")

    assert jobs.retry(failed.pk, by=person).status == "retrying"
    for status in ("queued", "processing", "completed", "cancelled"):
        with pytest.raises(NotNow, match=status):
            jobs.retry(make_job(status=status).pk, by=person)


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked() -> None:
    person = make_user("analyst")

    assert jobs.cancel(make_job().pk, by=person).status == "cancelled"
    running = jobs.cancel(make_job(status="processing").pk, by=person)
    assert (running.status, running.cancel_requested) == ("processing", True)
    with pytest.raises(NotNow, match="already completed"):
        jobs.cancel(make_job(status="completed").pk, by=person)


def test_a_waiting_job_can_be_moved_in_line() -> None:
    person = make_user("analyst")
    job = make_job()

    assert jobs.prioritise(job.pk, priority=10, by=person).priority == 10
    with pytest.raises(NotNow, match="from 1 to 10"):
        jobs.prioritise(job.pk, priority=11, by=person)
    with pytest.raises(NotNow, match="waiting"):
        jobs.prioritise(make_job(status="completed").pk, priority=1, by=person)


@pytest.mark.parametrize("ended", ["failed", "retrying", "cancelled"])
def test_a_job_completes_however_another_of_the_same_image_ends(
    receive: Receive, claim: Claim, ended: str
) -> None:
    upload = receive()
    assert upload.job is not None
    other = claim(jobs.request(upload.image, by=upload.image.user, parameters={"method": "luma"}))
    mine = claim(upload.job)
    ProcessingJob.objects.filter(pk=other.pk).update(status=ended)

    handlers.analyse(mine)

    mine.refresh_from_db()
    upload.image.refresh_from_db()
    assert (mine.status, upload.image.analysis_status) == ("completed", "completed")
    assert AnalysisResult.objects.get().job_id == mine.pk
