"""The worker's runners, without a database: what becomes of jobs for which no place is left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from jobs import registry
from jobs.outcomes import Verdict
from jobs.worker import clock
from jobs.worker.book import Book
from jobs.worker.crew import Crew
from jobs.worker.desk import Desk
from jobs.worker.options import Options, Timing
from tests.jobs.queueapp.models import Parcel, Telegram
from tests.jobs.workers import eventually


@pytest.fixture
def crew() -> Iterator[Crew]:
    """Two threads and an event loop, none of them started yet."""
    kinds = [registry.kind("parcels"), registry.kind("telegrams")]
    made = Crew(kinds, Options(queues=("parcels", "telegrams")), wake=lambda: None)
    yield made
    made.dismiss()


def claimed(model: type[Parcel | Telegram]) -> Parcel | Telegram:
    now = datetime.now(UTC)
    return model(attempt=1, started_at=now, deadline_at=now + timedelta(seconds=9))


def test_jobs_whose_event_loop_was_given_up_while_they_were_claimed_are_returned(
    crew: Crew,
) -> None:
    jobs = [claimed(Telegram), claimed(Telegram)]

    assert crew.assign(registry.kind("telegrams"), jobs) == jobs
    assert not crew.holds()


def test_nothing_to_assign_needs_no_event_loop(crew: Crew) -> None:
    assert list(crew.assign(registry.kind("telegrams"), [])) == []


def test_jobs_beyond_the_places_are_returned(crew: Crew) -> None:
    kind = registry.kind("parcels")
    crew.replace()
    eventually(lambda: not crew.collect() and crew.free(kind) == 2)

    jobs = [claimed(Parcel) for _ in range(5)]

    assert crew.assign(kind, jobs) == jobs[2:]
    assert crew.held().keys() == {job.id for job in jobs[:2]}


def test_what_is_handed_back_is_told_at_once() -> None:
    kind = registry.kind("telegrams")
    desk = Desk([kind], "somebody", Timing())
    job = claimed(Telegram)

    desk.hand_back(kind, [job], "There was no place.")

    [outcome] = desk.book(kind).next_ended()
    assert (outcome.id, outcome.attempt) == (job.id, 1)
    assert (outcome.verdict, outcome.error) == (Verdict.RELEASED, "There was no place.")
    due = desk.book(kind).due_at(0, at_once=False)
    assert due is not None
    assert due <= clock.now() + Timing().batch


def test_a_queue_whose_table_refuses_rests_ever_longer_until_it_answers() -> None:
    book = Book(registry.kind("parcels"), Timing())
    rests = []
    for _ in range(7):
        book.failed()
        rests.append(book.rest)
        assert book.due_at(2, at_once=True) == book.rest_until

    assert rests == [1, 2, 4, 8, 16, 30, 30]
    book.rest_until = 0.0
    book.answered(1, 2)
    book.failed()
    assert book.rest == 1
