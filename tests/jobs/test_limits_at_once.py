"""Limits hold however many claim at the same time, each over a connection of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from jobs.claiming import Terms
from jobs.models import Queue
from tests.jobs.queueapp.models import Errand

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = timedelta(minutes=1)
A, B = UUID(int=1), UUID(int=2)


def enqueue(person: UUID | None, count: int, **columns: Any) -> list[UUID]:
    return Errand.objects.enqueue_rows(user_id=person, payload=[{}] * count, **columns)


def claim(slots: int, worker: str, **terms: Any) -> list[Errand]:
    return Errand.objects.exchange([], Terms(worker, slots, LIMIT, **terms)).claimed


class Running:
    """How many jobs of each person run, and the most there ever were, as the workers see it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._now: Counter[UUID | None] = Counter()
        self.most: Counter[UUID | None] = Counter()
        self.served: list[UUID] = []

    @contextmanager
    def runs(self, job: Errand) -> Iterator[None]:
        with self._lock:
            self._now[job.user_id] += 1
            self.most |= self._now
            self.served.append(job.id)
        yield
        with self._lock:
            self._now[job.user_id] -= 1


def work(running: Running, worker: str, slots: int, terms: dict[str, Any]) -> None:
    """Claims and finishes until nothing comes; what it claims may end at any moment after."""
    idle = 0
    try:
        while idle < 25:
            jobs = claim(slots, worker, **terms)
            idle = 0 if jobs else idle + 1
            for job in jobs:
                with running.runs(job):
                    assert job.attempt == 1
                Errand.objects.finish(job)
    finally:
        connection.close()


@pytest.mark.parametrize(("threads", "slots"), [(12, 1), (5, 4)])
def test_of_one_person_no_more_run_though_many_claim_at_once(threads: int, slots: int) -> None:
    for person in (A, B, None):
        enqueue(person, 40)
    running = Running()

    with ThreadPoolExecutor(threads) as pool:
        terms = {"limit_per_person": 2}
        ends = [pool.submit(work, running, f"w{n}", slots, terms) for n in range(threads)]
    for end in ends:
        end.result()

    assert running.most[A] <= 2
    assert running.most[B] <= 2
    assert len(running.served) == len(set(running.served)) == 120
    assert not Errand.objects.exclude(status="completed").exists()


def test_claims_at_once_fill_the_limit_and_no_more() -> None:
    """Nobody finishes: whatever was claimed at the same time runs at the same time."""
    enqueue(A, 100)
    enqueue(B, 100, priority=4)

    def grab(number: int) -> list[Errand]:
        try:
            return [job for _ in range(3) for job in claim(2, f"w{number}", limit_per_person=5)]
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        taken = [job for jobs in pool.map(grab, range(12)) for job in jobs]

    assert Counter(job.user_id for job in taken) == {A: 5, B: 5}


def test_claims_at_once_do_not_overspend() -> None:
    enqueue(A, 300)
    Queue.objects.create(table_name="test_errands", rate_limit=17, rate_seconds=86_400)

    def grab(number: int) -> list[Errand]:
        try:
            return [
                job for _ in range(5) for job in claim(1 + number % 3, f"w{number}", rated=True)
            ]
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        taken = [job.id for jobs in pool.map(grab, range(10)) for job in jobs]

    assert len(taken) == len(set(taken)) == 17


def test_the_first_claims_of_a_queue_without_a_row_do_not_collide() -> None:
    enqueue(A, 100)

    def grab(number: int) -> int:
        try:
            return len(claim(1, f"w{number}", limit_per_person=4))
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(grab, range(10))) == 4
    assert Queue.objects.count() == 1
