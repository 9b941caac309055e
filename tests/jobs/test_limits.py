"""How many jobs of one person may run, how many may begin in a while, and none where paused."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from jobs.claiming import Held, Terms
from jobs.models import Queue
from jobs.outcomes import Outcome, Verdict
from jobs.statements import claim as statements
from tests.jobs.queueapp.models import Errand, Parcel

pytestmark = pytest.mark.django_db

LIMIT = timedelta(minutes=1)
A, B, C = (UUID(int=number) for number in (1, 2, 3))


def enqueue(person: UUID | None, count: int, **columns: Any) -> list[UUID]:
    return Errand.objects.enqueue_rows(user_id=person, payload=[{}] * count, **columns)


def claim(slots: int, worker: str = "w", done: tuple[Held, ...] = (), **terms: Any) -> list[Errand]:
    return Errand.objects.exchange(done, Terms(worker, slots, LIMIT, **terms)).claimed


def people(jobs: list[Errand]) -> Counter[UUID | None]:
    return Counter(job.user_id for job in jobs)


def rate(jobs: int | None, seconds: int = 60, table: str = "test_errands") -> None:
    values = {"rate_limit": jobs, "rate_seconds": seconds}
    Queue.objects.update_or_create(table_name=table, defaults=values)


def let_pass(seconds: float) -> None:
    Queue.objects.update(tokens_at=F("tokens_at") - timedelta(seconds=seconds))


def pause(table: str = "test_errands", *, paused: bool = True) -> None:
    values = {"paused_at": timezone.now() if paused else None}
    Queue.objects.update_or_create(table_name=table, defaults=values)


# --- Of one person -------------------------------------------------------------------------------


def test_of_one_person_no_more_run_than_the_limit() -> None:
    enqueue(A, 10)
    enqueue(B, 1)

    first = claim(10, limit_per_person=3)

    assert people(first) == {A: 3, B: 1}
    assert claim(10, "other", limit_per_person=3) == []


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_job_that_ends_makes_room_for_the_next(verdict: Verdict) -> None:
    enqueue(A, 10)
    job, _ = claim(2, limit_per_person=2)

    Errand.objects.settle([Outcome(job.id, job.attempt, verdict, delay=60.0)])

    assert people(claim(10, limit_per_person=2)) == {A: 1}


def test_what_a_claim_tells_as_done_makes_room_for_what_it_takes() -> None:
    enqueue(A, 10)
    held = tuple(Held(job.id, job.attempt) for job in claim(2, limit_per_person=2))

    assert people(claim(10, done=held, limit_per_person=2)) == {A: 2}


def test_jobs_for_nobody_have_no_limit() -> None:
    enqueue(None, 20)
    enqueue(A, 5)

    assert people(claim(50, limit_per_person=2)) == {None: 20, A: 2}


def test_a_table_without_people_has_no_limit() -> None:
    Parcel.objects.enqueue_rows(payload=[{}] * 5)

    claimed = Parcel.objects.exchange([], Terms("w", 9, LIMIT, limit_per_person=1)).claimed

    assert len(claimed) == 5


def test_a_limit_counts_over_all_priorities() -> None:
    enqueue(A, 2, priority=9)
    enqueue(A, 2, priority=1)
    enqueue(B, 2, priority=5)

    claimed = claim(9, limit_per_person=3)

    assert [(job.user_id, job.priority) for job in claimed] == [
        (A, 9),
        (A, 9),
        (B, 5),
        (B, 5),
        (A, 1),
    ]


def test_a_limit_that_was_lowered_waits_until_enough_have_ended() -> None:
    enqueue(A, 10)
    jobs = claim(5, limit_per_person=5)

    assert claim(5, limit_per_person=2) == []
    for job in jobs[:4]:
        Errand.objects.finish(job)
    assert len(claim(5, limit_per_person=2)) == 1


def test_ten_thousand_jobs_of_somebody_at_the_limit_do_not_keep_others_waiting() -> None:
    enqueue(A, 10_000, priority=9)
    theirs = enqueue(B, 3, priority=5)
    claim(2, limit_per_person=2)

    claimed = claim(5, limit_per_person=2)

    assert [job.id for job in claimed] == theirs[:2]


def test_behind_those_at_the_limit_the_line_keeps_its_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statements, "WINDOW", 1)
    enqueue(A, 100, priority=9)
    enqueue(None, 2, priority=2)
    enqueue(B, 9, priority=5)
    enqueue(C, 9, priority=5)

    claimed = claim(9, limit_per_person=2)

    assert [job.user_id for job in claimed[:2]] == [A, A]
    assert people(claimed[2:6]) == {B: 2, C: 2}
    assert people(claimed[6:]) == {None: 2}


def test_a_late_job_is_not_claimed_person_by_person_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statements, "WINDOW", 1)
    enqueue(A, 100, priority=9)
    enqueue(B, 3, priority=5, expires_at=timezone.now() - timedelta(hours=1))
    fresh = enqueue(B, 1, priority=5)

    assert [job.id for job in claim(9, limit_per_person=2)][2:] == fresh


# --- In a while ----------------------------------------------------------------------------------


def test_a_full_bucket_gives_as_many_jobs_as_it_holds() -> None:
    enqueue(A, 20)
    rate(7)

    assert [len(claim(5, rated=True)) for _ in range(3)] == [5, 2, 0]


def test_a_bucket_fills_up_evenly_and_no_further() -> None:
    enqueue(A, 100)
    rate(10, seconds=3600)
    claim(10, rated=True)

    let_pass(1100)
    assert len(claim(100, rated=True)) == 3
    let_pass(370)
    assert len(claim(100, rated=True)) == 1
    let_pass(36_000)
    assert len(claim(100, rated=True)) == 10


def test_a_part_of_a_job_is_kept_until_it_is_whole() -> None:
    enqueue(A, 10)
    rate(1, seconds=3600)
    claim(1, rated=True)

    for _ in range(3):
        let_pass(1000)
        assert claim(1, rated=True) == []
    let_pass(700)
    assert len(claim(1, rated=True)) == 1


def test_a_claim_that_finds_nothing_spends_nothing() -> None:
    rate(5, seconds=3600)
    assert claim(5, rated=True) == []

    enqueue(A, 9)

    assert len(claim(9, rated=True)) == 5


def test_a_rate_that_is_lowered_holds_at_once() -> None:
    enqueue(A, 50)
    rate(20, seconds=3600)
    claim(1, rated=True)

    rate(3, seconds=3600)

    assert len(claim(50, rated=True)) == 3


def test_a_rate_that_is_raised_fills_the_larger_bucket_over_time() -> None:
    enqueue(A, 100)
    rate(2, seconds=3600)
    claim(5, rated=True)

    rate(60, seconds=60)
    let_pass(10.5)

    assert 10 <= len(claim(100, rated=True)) <= 15


def test_a_rate_that_is_removed_limits_nothing() -> None:
    enqueue(A, 50)
    rate(2, seconds=3600)
    claim(2, rated=True)

    rate(None)

    assert len(claim(30, rated=True)) == 30


def test_a_clock_that_went_back_a_little_gives_no_job_and_takes_none() -> None:
    enqueue(A, 50)
    rate(5, seconds=3600)
    claim(3, rated=True)
    let_pass(-30)

    assert len(claim(5, rated=True)) == 2


def test_a_clock_that_went_back_far_does_not_stop_the_queue() -> None:
    enqueue(A, 50)
    rate(5, seconds=3600)
    claim(5, rated=True)
    let_pass(-86_400)

    assert len(claim(50, rated=True)) == 5
    assert claim(50, rated=True) == []


@pytest.mark.parametrize(
    "change",
    [
        "tokens = '-infinity'",
        "tokens = 'NaN'",
        "tokens_at = '-infinity'",
        "paused_at = 'infinity'",
    ],
)
def test_a_bucket_that_nobody_could_count_is_refused(change: str) -> None:
    rate(5, seconds=60)

    with pytest.raises(IntegrityError, match="job_queues_values_check"), connection.cursor() as c:
        c.execute(f"UPDATE job_queues SET {change}")


def test_a_rate_and_a_limit_hold_together() -> None:
    enqueue(A, 9)
    enqueue(B, 9)
    rate(3, seconds=3600)

    assert people(claim(9, rated=True, limit_per_person=2)) == {A: 2, B: 1}
    assert claim(9, rated=True, limit_per_person=9) == []


def test_a_queue_without_a_row_has_no_rate() -> None:
    enqueue(A, 9)

    assert len(claim(9, rated=True)) == 9
    assert Queue.objects.get().table_name == "test_errands"


def test_the_rate_of_one_queue_is_not_that_of_another() -> None:
    rate(1, table="test_parcels")
    enqueue(A, 9)

    assert len(claim(9, rated=True)) == 9


def test_outcomes_are_told_though_the_bucket_is_empty() -> None:
    enqueue(A, 2)
    rate(1, seconds=3600)
    [job] = claim(2, rated=True)

    assert claim(2, done=(Held(job.id, job.attempt),), rated=True) == []
    job.refresh_from_db()
    assert job.status == "completed"


@pytest.mark.parametrize(
    ("column", "value"),
    [("rate_limit", 0), ("rate_limit", -1), ("rate_seconds", 0), ("rate_seconds", 86_401)],
)
def test_a_rate_that_makes_no_sense_is_refused_by_the_database(column: str, value: int) -> None:
    rate(5)

    with pytest.raises(IntegrityError, match="job_queues_rate"), transaction.atomic():
        Queue.objects.update(**{column: value})


# --- Paused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "terms",
    [{}, {"rated": True}, {"limit_per_person": 1}, {"limit_per_person": 1, "rated": True}],
    ids=str,
)
@pytest.mark.parametrize("window", [1, 256])
def test_nothing_is_claimed_from_a_paused_queue(
    monkeypatch: pytest.MonkeyPatch, window: int, terms: dict[str, Any]
) -> None:
    monkeypatch.setattr(statements, "WINDOW", window)
    enqueue(A, 30)
    enqueue(B, 30)
    pause()

    assert claim(5, **terms) == []
    pause(paused=False)
    assert claim(5, **terms) != []


def test_what_runs_in_a_paused_queue_may_end() -> None:
    enqueue(A, 3)
    one, two, three = claim(3)
    pause()

    assert Errand.objects.finish(one)
    assert claim(3, done=(Held(two.id, two.attempt),)) == []
    assert Errand.objects.fail(three, "no")
    assert sorted(Errand.objects.values_list("status", flat=True)) == [
        "completed",
        "completed",
        "retrying",
    ]


def test_a_paused_queue_does_not_hold_up_another() -> None:
    pause("test_parcels")
    enqueue(A, 1)

    assert len(claim(1)) == 1
    Parcel.objects.enqueue([Parcel()])
    assert Parcel.objects.claim("w", 1, time_limit=LIMIT) == []
