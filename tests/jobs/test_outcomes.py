"""How a held job ends: done, failed, to be tried again, or not held any more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from database.fields import uuid7
from jobs.claiming import Held, Terms
from jobs.outcomes import Outcome, Verdict
from tests.jobs.errands import LIMIT, NOW, claim_one, running, waiting
from tests.jobs.queueapp.models import Errand, Parcel

pytestmark = pytest.mark.django_db


def test_a_finished_job_is_completed() -> None:
    job = running()

    assert Errand.objects.finish(job)

    job.refresh_from_db()
    assert job.status == "completed"
    assert job.completed_at is not None
    assert (job.worker_id, job.deadline_at) == ("w1", None)


def test_a_failure_is_retried_until_the_retries_are_spent() -> None:
    job = waiting(max_retries=2)
    seen_states = []
    for number in range(3):
        attempt = claim_one()
        assert Errand.objects.fail(attempt, f"error {number}", rule=NOW)
        job.refresh_from_db()
        seen_states.append((job.status, job.retry_count, job.error_message))
        Errand.objects.promote()

    assert seen_states == [
        ("retrying", 1, "error 0"),
        ("retrying", 2, "error 1"),
        ("failed", 2, "error 2"),
    ]
    assert job.completed_at is not None
    assert job.last_error_at is not None


def test_a_job_that_will_be_retried_belongs_to_no_worker() -> None:
    job = running()
    Errand.objects.fail(job, "no", delay=60)

    job.refresh_from_db()
    assert (job.status, job.worker_id, job.completed_at) == ("retrying", None, None)
    assert job.available_at is not None
    assert timedelta(seconds=50) < job.available_at - timezone.now() < timedelta(seconds=70)


def test_a_permanent_failure_is_not_retried() -> None:
    job = running()

    assert Errand.objects.fail(job, "never", permanent=True)

    job.refresh_from_db()
    assert (job.status, job.retry_count) == ("failed", 0)


def test_a_released_job_counts_no_retry() -> None:
    job = running(max_retries=0)

    Errand.objects.settle([Outcome(job.id, job.attempt, Verdict.RELEASED, "stopped")])

    job.refresh_from_db()
    assert (job.status, job.retry_count, job.error_message) == ("retrying", 0, "stopped")
    assert Errand.objects.promote() == 1
    assert claim_one("w2").attempt == 2


def test_an_outcome_of_an_older_attempt_has_no_effect() -> None:
    first = running()
    Errand.objects.settle([Outcome(first.id, first.attempt, Verdict.RELEASED)])
    Errand.objects.promote()
    second = claim_one("w2")

    assert not Errand.objects.finish(first)
    assert not Errand.objects.fail(first, "late")
    second.refresh_from_db()
    assert (second.status, second.worker_id, second.error_message) == ("processing", "w2", None)


def test_an_outcome_told_twice_takes_effect_once() -> None:
    job = running()

    assert Errand.objects.finish(job)
    assert not Errand.objects.finish(job)


def test_a_batch_settles_what_is_held_and_leaves_the_rest() -> None:
    one, two, three = running(), running(), running()
    Errand.objects.finish(two)

    settled = Errand.objects.settle(
        [
            Outcome(one.id, one.attempt, Verdict.DONE),
            Outcome(two.id, two.attempt, Verdict.FAILED, "late"),
            Outcome(three.id, three.attempt, Verdict.FAILED, "broken"),
            Outcome(uuid7(), 1, Verdict.DONE),
        ]
    )

    assert settled == {one.id: "completed", three.id: "failed"}


def test_exchange_settles_and_claims_together() -> None:
    job = running()
    next_one = waiting()

    late = Held(uuid7(), 1)

    lost, claimed = Errand.objects.exchange(
        [Held(job.id, job.attempt), late], Terms("w1", 2, time_limit=LIMIT)
    )

    assert lost == {late.id}
    assert [each.id for each in claimed] == [next_one.id]
    job.refresh_from_db()
    assert job.status == "completed"


def test_an_error_text_that_postgresql_cannot_hold_is_cleaned_and_cut() -> None:
    job = running()

    Errand.objects.fail(job, "a\x00b\ud800" + "x" * 9000)

    job.refresh_from_db()
    assert job.error_message is not None
    assert job.error_message.startswith("a\N{REPLACEMENT CHARACTER}b?x")
    assert len(job.error_message) == 4000


def test_without_a_state_for_it_a_retry_waits_as_ready() -> None:
    Parcel.objects.enqueue([Parcel()])
    [job] = Parcel.objects.claim("w1", 1, time_limit=LIMIT)

    Parcel.objects.fail(job, "no", delay=60)

    job.refresh_from_db()
    assert (job.status, job.retry_count) == ("pending", 1)
    assert Parcel.objects.claim("w1", 1, time_limit=LIMIT) == []
    Parcel.objects.update(available_at=timezone.now() - timedelta(seconds=1))
    assert Parcel.objects.promote() == 1
    assert len(Parcel.objects.claim("w1", 1, time_limit=LIMIT)) == 1
