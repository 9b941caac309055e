"""Whoever brings much does not keep the others waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from database.connections import own_connection
from jobs.models import Line
from tests.jobs.queueapp.models import Errand, Parcel, Receipt
from tests.jobs.workers import WorkerProcess, eventually

pytestmark = pytest.mark.django_db

LIMIT = timedelta(minutes=1)
A, B, C = (UUID(int=number) for number in (1, 2, 3))


def enqueue(person: UUID | None, count: int, **columns: Any) -> list[UUID]:
    return Errand.objects.enqueue_rows(user_id=person, payload=[{}] * count, **columns)


def serve(count: int, *, slots: int = 1) -> list[UUID | None]:
    """For whom the next jobs are, as workers claim, finish and tell how far the line has come."""
    served: list[UUID | None] = []
    while len(served) < count:
        jobs = Errand.objects.claim("w", min(slots, count - len(served)), time_limit=LIMIT)
        if not jobs:
            break
        turns: dict[int, int] = {}
        for job in jobs:
            turns[job.priority] = max(turns.get(job.priority, 0), job.turn or 0)
            Errand.objects.finish(job)
        Errand.objects.advance(turns)
        served += [job.user_id for job in jobs]
    return served


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def turns_of(person: UUID | None, **filters: Any) -> list[int | None]:
    rows = Errand.objects.filter(user_id=person, **filters).order_by("id")
    return list(rows.values_list("turn", flat=True))


# --- Between people ------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [2, 10])
@pytest.mark.parametrize("served_before", [0, 300])
def test_ten_jobs_behind_ten_thousand_are_served_within_the_next_25(
    slots: int, served_before: int
) -> None:
    enqueue(A, 10_000)
    assert set(serve(served_before, slots=slots)) <= {A}
    enqueue(B, 10)

    assert serve(25, slots=slots).count(B) == 10


def test_the_same_holds_when_the_virtual_time_was_told_late() -> None:
    enqueue(A, 1000)
    for _ in range(10):
        Errand.objects.claim("w", 10, time_limit=LIMIT)
    enqueue(B, 10)

    assert serve(25, slots=5).count(B) == 10


def test_those_who_wait_share_equally_whatever_they_brought() -> None:
    people = [UUID(int=number) for number in range(1, 11)]
    for number, person in enumerate(people):
        enqueue(person, 20 + 40 * number)

    shares = Counter(serve(200, slots=7))

    assert set(shares) == set(people)
    assert max(shares.values()) - min(shares.values()) <= 1


def test_what_one_leaves_the_others_share() -> None:
    enqueue(A, 5)
    enqueue(B, 50)
    enqueue(C, 50)

    assert Counter(serve(35)) == {A: 5, B: 15, C: 15}


def test_a_higher_priority_goes_first_whosever_turn_it_is() -> None:
    enqueue(A, 30, priority=9)
    enqueue(B, 10, priority=5)
    enqueue(C, 10, priority=9)

    served = serve(50)

    assert set(served[:40]) == {A, C}
    assert served[:20].count(C) == 10
    assert served[40:] == [B] * 10


def test_jobs_for_nobody_share_one_line() -> None:
    enqueue(None, 100)
    enqueue(A, 10)

    served = serve(20)

    assert served.count(None) == served.count(A) == 10


def test_in_a_table_without_people_the_oldest_goes_first() -> None:
    ids = Parcel.objects.enqueue_rows(payload=[{}] * 50)
    ids += [Parcel.objects.enqueue([Parcel()])[0].id for _ in range(3)]

    assert [job.id for job in Parcel.objects.claim("w", 99, time_limit=LIMIT)] == ids


def test_one_persons_jobs_keep_their_order() -> None:
    ids = enqueue(A, 30)
    enqueue(B, 30)
    ids += enqueue(A, 5)

    claimed = Errand.objects.claim("w", 65, time_limit=LIMIT)

    assert [job.id for job in claimed if job.user_id == A] == ids


# --- Turns ---------------------------------------------------------------------------------------


def test_rows_of_plain_sql_take_one_turn_after_the_other() -> None:
    rows = "INSERT INTO test_errands (user_id) SELECT %s FROM generate_series(1, 4)"
    sql(rows, A)
    sql(rows, B)
    sql("INSERT INTO test_errands (user_id, priority) VALUES (%s, 5), (%s, 9), (%s, 5)", A, A, B)

    assert turns_of(A, priority=5) == [1, 2, 3, 4, 5]
    assert turns_of(B) == [1, 2, 3, 4, 5]
    assert turns_of(A, priority=9) == [1]


def test_a_job_that_is_moved_stands_at_the_end_of_its_persons_line_there() -> None:
    first, *_ = enqueue(A, 3, priority=5)
    enqueue(A, 4, priority=9)
    enqueue(B, 9, priority=9)

    sql("UPDATE test_errands SET priority = 9 WHERE id = %s", first)

    assert Errand.objects.get(id=first).turn == 5


def test_jobs_that_are_moved_together_do_not_stand_abreast() -> None:
    enqueue(A, 20, priority=2)
    enqueue(B, 5, priority=9)

    sql("UPDATE test_errands SET priority = 9 WHERE user_id = %s", A)

    assert sorted(turn or 0 for turn in turns_of(A)) == list(range(1, 21))
    assert serve(10).count(B) == 5


def test_another_change_of_a_job_leaves_it_its_turn() -> None:
    enqueue(A, 3)

    sql("UPDATE test_errands SET priority = 5, max_retries = 1")

    assert turns_of(A) == [1, 2, 3]


def test_virtual_time_never_goes_back() -> None:
    Errand.objects.advance({5: 40, 9: 3})
    Errand.objects.advance({5: 7, 9: 8})
    Errand.objects.advance({})

    assert dict(Line.objects.values_list("priority", "turn")) == {5: 40, 9: 8}
    assert set(Line.objects.values_list("table_name", flat=True)) == {"test_errands"}


def test_whoever_comes_back_gets_no_credit_for_the_time_away() -> None:
    enqueue(B, 5)
    serve(5)
    enqueue(A, 200)
    serve(100)

    enqueue(B, 50)

    assert turns_of(B, status="queued")[0] == Line.objects.get(priority=5).turn + 1
    assert serve(20).count(B) == 10


def test_whoever_waits_keeps_what_he_has_when_another_comes() -> None:
    enqueue(A, 10)
    before = turns_of(A)

    enqueue(B, 10)

    assert turns_of(A) == before


@pytest.mark.parametrize("manner", ["together", "one by one"])
def test_jobs_that_waited_for_their_moment_take_no_more_than_their_share(manner: str) -> None:
    later = timezone.now() + timedelta(hours=1)
    if manner == "together":
        enqueue(A, 100, available_at=later)
    else:
        for _ in range(100):
            Errand.objects.enqueue([Errand(user_id=A, available_at=later)])
    enqueue(C, 300)
    serve(200)
    Errand.objects.filter(user_id=A).update(available_at=timezone.now())
    enqueue(B, 10)
    Errand.objects.promote()

    assert serve(35).count(B) == 10


# --- Several at once -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_transactions_of_one_person_do_not_wait_for_each_other() -> None:
    with transaction.atomic():
        mine = enqueue(A, 20)
        with own_connection() as other:
            other.execute("SET statement_timeout = '5s'")
            other.execute(
                "INSERT INTO test_errands (user_id) SELECT %s FROM generate_series(1, 20)", [A]
            )
    enqueue(B, 10)

    claimed = Errand.objects.claim("w", 50, time_limit=LIMIT)

    assert [job.id for job in claimed if job.id in mine] == mine
    # Neither saw the other's, so for these turns the person has two jobs in each.
    assert [job.user_id for job in claimed[:30]].count(B) == 10


@pytest.mark.django_db(transaction=True)
def test_turns_told_by_many_workers_at_once_end_at_the_furthest() -> None:
    def tell(number: int) -> None:
        try:
            for step in range(10):
                Errand.objects.advance(dict.fromkeys(range(1, 11), number + 8 * step))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(8)))

    assert set(Line.objects.values_list("turn", flat=True)) == {79}


# --- With a real worker --------------------------------------------------------------------------


@pytest.fixture
def completed(
    start_worker: Callable[..., WorkerProcess],
) -> Callable[[], list[UUID]]:
    """Reads the jobs in the order in which a worker with two processes has run them."""
    start_worker("--queues", "errands")

    def read() -> list[UUID]:
        return list(Receipt.objects.order_by("id").values_list("job_id", flat=True))

    return read


def test_a_worker_serves_ten_jobs_within_25_though_300_came_before(
    completed: Callable[[], list[UUID]],
) -> None:
    Errand.objects.enqueue_rows(
        user_id=A, payload=[{"do": "sleep_then_write", "seconds": 0.03}] * 300
    )
    eventually(lambda: len(completed()) >= 20, what="the first twenty")
    theirs = set(Errand.objects.enqueue_rows(user_id=B, payload=[{"do": "write"}] * 10))
    before = len(completed())

    eventually(lambda: theirs <= set(completed()), what="the ten jobs")

    last = max(number for number, job in enumerate(completed()) if job in theirs)
    # Besides the 25, what was in hand or claimed before the line's new end was known.
    assert last - before <= 25 + 4
    assert last < 300, "they waited for those that came before"
