"""Claims: what they take, and what they tell of it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from jobs.claiming import Held, Place, Terms, fetch, place_in, place_of
from jobs.outcomes import Outcome, Verdict
from jobs.querysets import exchange_in_text
from jobs.statements.names import claimed_columns
from tests.jobs.queueapp.models import Errand

pytestmark = pytest.mark.django_db

LIMIT = timedelta(minutes=1)
PERSON = UUID(int=1)


def test_a_row_says_where_its_job_stood() -> None:
    Errand.objects.enqueue_rows(priority=[7, 7, 2])
    terms = Terms("w", 2, LIMIT)
    statement, parameters = exchange_in_text(Errand, [], terms)

    rows = fetch("default", statement, parameters)

    assert [len(row) for row in rows] == [1 + len(claimed_columns(Errand))] * 2
    jobs = Errand.objects.order_by("-priority", "turn", "id")
    assert [place_in(Errand, row) for row in rows] == [place_of(job) for job in jobs[:2]]
    assert place_of(jobs[0]) == Place(-7, 1, jobs[0].id)


def test_places_follow_each_other_as_jobs_are_claimed() -> None:
    Errand.objects.enqueue_rows(
        priority=[3, 9, 9, 5, 5, 5], user_id=[None, PERSON, PERSON, None, PERSON, PERSON]
    )
    claimed = Errand.objects.claim("w", 6, time_limit=LIMIT)

    places = [place_of(job) for job in claimed]

    assert len(places) == 6
    assert places == sorted(places)


def test_what_is_behind_a_place_is_not_claimed() -> None:
    ids = Errand.objects.enqueue_rows(user_id=PERSON, payload=[{}] * 5)
    middle = place_of(Errand.objects.get(id=ids[2]))

    claimed = Errand.objects.claim("w", 5, time_limit=LIMIT, place=middle)

    assert [job.id for job in claimed] == ids[3:]


def test_a_claimed_job_reads_what_stayed_behind_when_it_is_asked() -> None:
    Errand.objects.enqueue([Errand(payload={"do": "write"}, unique_key="k")])

    [job] = Errand.objects.claim("w", 1, time_limit=LIMIT)

    assert {"payload", "unique_key", "error_message"} <= job.get_deferred_fields()
    assert (job.payload, job.unique_key, job.error_message) == ({"do": "write"}, "k", None)
    assert not job._state.adding


def test_terms_are_guarded_by_a_rate_or_a_limit() -> None:
    assert not Terms("w", 1, LIMIT).guarded
    assert Terms("w", 1, LIMIT, rated=True).guarded
    assert Terms("w", 1, LIMIT, limit_per_person=1).guarded


def test_attempts_told_twice_are_not_lost() -> None:
    Errand.objects.enqueue_rows(payload=[{}] * 2)
    one, other = Errand.objects.claim("w", 2, time_limit=LIMIT)
    told = [Held(one.id, one.attempt), Held(other.id, other.attempt)]
    Errand.objects.settle([Outcome(*told[1], Verdict.FAILED, "no")])

    first, _ = Errand.objects.exchange(told, Terms("w", 1, LIMIT))
    again, _ = Errand.objects.exchange(told, Terms("w", 1, LIMIT))

    assert first == again == {other.id}


def test_attempts_told_twice_are_not_lost_under_a_limit_either() -> None:
    Errand.objects.enqueue_rows(payload=[{}])
    [job] = Errand.objects.claim("w", 1, time_limit=LIMIT)
    told, terms = [Held(job.id, job.attempt)], Terms("w", 1, LIMIT, limit_per_person=1)
    Errand.objects.exchange(told, terms)

    again, _ = Errand.objects.exchange(told, terms)

    assert again == set()


def test_a_failed_job_whose_latest_moment_has_passed_runs_when_it_is_retried() -> None:
    later = timezone.now() + timedelta(hours=1)
    Errand.objects.enqueue([Errand(max_retries=0, expires_at=later)])
    [job] = Errand.objects.claim("w", 1, time_limit=LIMIT)
    Errand.objects.fail(job, "no")
    Errand.objects.update(expires_at=timezone.now() - timedelta(hours=1))

    assert Errand.objects.retry() == 1
    Errand.objects.promote()

    assert Errand.objects.expire() == 0
    assert len(Errand.objects.claim("w", 1, time_limit=LIMIT)) == 1
