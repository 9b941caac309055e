"""What a handler may write while it holds its job."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs.errors import Cancelled, LostLease
from jobs.lease import holding, raise_if_cancelled, report_progress
from jobs.outcomes import Outcome, Verdict
from tests.jobs.queueapp.models import Errand, Receipt

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Errand:
    Errand.objects.enqueue([Errand()])
    [claimed] = Errand.objects.claim("w1", 1, time_limit=timedelta(minutes=1))
    return claimed


def take_away(job: Errand) -> None:
    Errand.objects.settle([Outcome(job.id, job.attempt, Verdict.RELEASED)])
    Errand.objects.promote()
    Errand.objects.claim("w2", 1, time_limit=timedelta(minutes=1))


def write_a_receipt(job: Errand, *, finish: bool = False) -> None:
    with holding(job, finish=finish):
        Receipt.objects.create(job_id=job.id, attempt=job.attempt)
        if job.payload.get("break"):
            raise ValueError("half way")


def test_results_are_written_while_the_job_is_held(job: Errand) -> None:
    with holding(job):
        Receipt.objects.create(job_id=job.id, attempt=job.attempt)

    assert Receipt.objects.count() == 1
    job.refresh_from_db()
    assert job.status == "processing"


def test_a_late_attempt_may_not_write(job: Errand) -> None:
    take_away(job)

    with pytest.raises(LostLease, match=f"Attempt 1 of job {job.id} has lost its lease"):
        write_a_receipt(job)

    assert not Receipt.objects.exists()


def test_a_job_can_be_finished_together_with_its_results(job: Errand) -> None:
    with holding(job, finish=True):
        Receipt.objects.create(job_id=job.id, attempt=job.attempt)

    assert Errand.objects.get().status == job.status == "completed"


def test_an_error_while_holding_writes_nothing(job: Errand) -> None:
    job.payload["break"] = True

    with pytest.raises(ValueError, match="half way"):
        write_a_receipt(job, finish=True)

    assert not Receipt.objects.exists()
    assert Errand.objects.get().status == "processing"


def test_progress_is_shown_and_the_end_estimated(job: Errand) -> None:
    Errand.objects.update(started_at=timezone.now() - timedelta(seconds=30))

    report_progress(job, done=1, total=4, message="the first\x00 quarter")

    job.refresh_from_db()
    assert (job.progress_done, job.progress_total) == (1, 4)
    assert job.progress_message == "the first\N{REPLACEMENT CHARACTER} quarter"
    assert job.estimated_completion_at is not None
    left = (job.estimated_completion_at - timezone.now()).total_seconds()
    assert 85 < left < 95


def test_progress_of_unknown_length_has_no_estimate(job: Errand) -> None:
    report_progress(job, done=7)

    job.refresh_from_db()
    assert (job.progress_done, job.progress_total) == (7, None)
    assert job.estimated_completion_at is None


def test_progress_in_quick_succession_is_written_once_until_it_is_complete(
    job: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.lease._SECONDS_BETWEEN_REPORTS", 60.0)  # quick on any machine
    for done in range(50):
        report_progress(job, done=done, total=50)
    job.refresh_from_db()
    assert job.progress_done == 0

    report_progress(job, done=50, total=50)
    job.refresh_from_db()
    assert job.progress_done == 50


def test_a_late_attempt_cannot_report_progress(job: Errand) -> None:
    take_away(job)

    with pytest.raises(LostLease):
        report_progress(job, done=1)


def test_a_job_that_nobody_cancelled_goes_on(job: Errand) -> None:
    raise_if_cancelled(job)

    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM test_errands")
        assert cursor.fetchone() == ("processing",)


def test_a_cancelled_job_is_told_so(job: Errand) -> None:
    Errand.objects.cancel()

    with pytest.raises(Cancelled):
        raise_if_cancelled(job)


def test_a_job_that_was_taken_away_is_told_so(job: Errand) -> None:
    take_away(job)

    with pytest.raises(LostLease):
        raise_if_cancelled(job)
