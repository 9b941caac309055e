"""Whatever happens to a queue, in whatever order, its rows are as the model says."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from jobs.claiming import Held, Terms
from jobs.errors import DuplicateJob
from jobs.models import Attempt, Line, Queue, Worker
from jobs.outcomes import Outcome, Verdict
from jobs.retry import RetryRule
from jobs.statements import claim as claim_statements
from tests.jobs.queue_model import KeyTaken, ModelJob, QueueModel, Spec
from tests.jobs.queue_steps import STEPS, WORKERS, End, Step, some, specs
from tests.jobs.queueapp.models import Errand, Parcel

LIMIT = timedelta(minutes=1)
LEASE = timedelta(seconds=20)
NOW = RetryRule(base=0, cap=0)
# Rates whose bucket fills so slowly that only refill() adds to it.
DAY = 86_400


class QueueMachine(RuleBasedStateMachine):
    """The rows of one table beside the model; each run in a transaction that is rolled back.

    A real one: of rows that only a savepoint undid, none can be cleared away before the end.
    """

    table: ClassVar[type[Errand | Parcel]]

    def __init__(self) -> None:
        super().__init__()
        self.jobs: Any = self.table.objects
        self.name = self.table._meta.db_table
        self.model = QueueModel(self.table.states, has_person=self.table is Errand)
        self.now = timezone.now()
        self.claimed_turns: dict[int, int] = {}
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        Worker.objects.bulk_create(
            Worker(name=name, hostname="h", pid=1, last_seen_at=self.now) for name in WORKERS
        )

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # --- Coming in -------------------------------------------------------------------------------

    def moment(self, which: str | None) -> Any:
        hours = {"past": -2, "future": 10}
        return None if which is None else self.now + timedelta(hours=hours[which])

    def fields(self, spec: Spec) -> dict[str, Any]:
        values = {
            "priority": spec.priority,
            "unique_key": spec.key,
            "available_at": self.moment(spec.moments[0]),
            "expires_at": self.moment(spec.moments[1]),
            "max_retries": spec.max_retries,
        }
        return values | ({"user_id": spec.person} if self.model.has_person else {})

    @initialize(wanted=some(specs, 12, least=4))
    def begin(self, wanted: list[Spec]) -> None:
        self.enqueue_rows(wanted, skip=True)

    @rule(step=st.sampled_from(STEPS).flatmap(lambda step: step))
    def act(self, step: Step) -> None:
        name, arguments = step
        getattr(self, name)(**arguments)

    def enqueue(self, wanted: list[Spec], manner: str) -> None:
        if manner == "objects":
            self.enqueue_objects(wanted)
        elif manner == "plain SQL":
            self.insert_by_plain_sql(wanted)
        else:
            self.enqueue_rows(wanted, skip=manner == "what is new of rows")

    def enqueue_objects(self, wanted: list[Spec]) -> None:
        made = [self.table(**self.fields(spec)) for spec in wanted]
        if not all(self.model.accepted(wanted)):
            with pytest.raises(DuplicateJob):
                self.jobs.enqueue(made)
            return
        ids = [job.id for job in self.jobs.enqueue(made)]
        if len(ids) == 1:
            self.model.add_one_by_one(ids, wanted)
        else:
            self.model.add_together(ids, wanted)

    def enqueue_rows(self, wanted: list[Spec], skip: bool) -> None:
        rows = [self.fields(spec) for spec in wanted]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        accepted = self.model.accepted(wanted)
        if not all(accepted) and not skip:
            with pytest.raises(DuplicateJob):
                self.jobs.enqueue_rows(**columns)
            return
        ids = self.jobs.enqueue_rows(skip_duplicates=skip, **columns)
        assert len(ids) == sum(accepted)
        left = iter(ids)
        self.model.add_together([next(left) if fits else None for fits in accepted], wanted)

    def insert_by_plain_sql(self, wanted: list[Spec]) -> None:
        rows = [self.fields(spec) for spec in wanted]
        row = f"({', '.join(['%s'] * len(rows[0]))})"
        statement = (
            f"INSERT INTO {self.name} ({', '.join(rows[0])})"
            f" VALUES {', '.join([row] * len(rows))} RETURNING id"
        )
        parameters = [value for each in rows for value in each.values()]
        if not all(self.model.accepted(wanted)):
            with pytest.raises(IntegrityError), transaction.atomic():
                self.sql(statement, *parameters)
            return
        ids = [found[0] for found in self.sql(statement, *parameters)]
        self.model.add_one_by_one(ids, wanted)

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    # --- Claims ----------------------------------------------------------------------------------

    def picked(self, number: int) -> ModelJob:
        return list(self.model.jobs.values())[number % len(self.model.jobs)]

    def held(self, number: int) -> Held:
        """An attempt: mostly one that holds its job, if there is one."""
        running = self.model.held() if number % 4 else []
        chosen = running or self.model.issued
        return chosen[number // 4 % len(chosen)]

    def claim(self, worker: str, slots: int, done: list[int]) -> None:
        self.exchange(Terms(worker, slots, LIMIT), done)

    def claim_further_down(self, slots: int, after: int, rated: bool) -> None:
        if line := self.model.line():
            place = line[after % len(line)].place
            self.exchange(Terms("w1", slots, LIMIT, place=place, rated=rated), [])

    def claim_within_limits(
        self, worker: str, slots: int, limit: int | None, rated: bool, done: list[int]
    ) -> None:
        self.exchange(Terms(worker, slots, LIMIT, limit_per_person=limit, rated=rated), done)

    def exchange(self, terms: Terms, done: list[int]) -> None:
        # As a worker does: it holds one attempt at a job at most.
        found = map(self.held, done if self.model.issued else ())
        told = list({held.id: held for held in found}.values())
        # In one statement, what it finishes does not yet make room for what it claims.
        if not terms.guarded:
            expected = self.model.claim(terms)
        ended = {held for held in told if self.model.settle(held, "done")}
        if terms.guarded:
            expected = self.model.claim(terms)

        lost, claimed = self.jobs.exchange(told, terms)

        assert [job.id for job in claimed] == expected
        assert lost == {held.id for held in told if held not in ended and not self.is_done(held)}
        for job in claimed:
            turn = self.claimed_turns.get(job.priority, 0)
            self.claimed_turns[job.priority] = max(turn, job.turn)
            assert job.attempt == self.model.jobs[job.id].attempt
            assert job.worker_id == terms.worker

    def is_done(self, held: Held) -> bool:
        job = self.model.jobs[held.id]
        return job.status == self.table.states.done and job.attempt == held.attempt

    def advance(self, step_back: int) -> None:
        turns = {key: max(0, turn - step_back) for key, turn in self.claimed_turns.items()}
        self.jobs.advance(turns)
        self.model.advance(turns)

    # --- Ends ------------------------------------------------------------------------------------

    def finish(self, number: int) -> None:
        if not self.model.issued:
            return
        held = self.held(number)
        expected = self.model.settle(held, "done") is not None

        assert self.jobs.finish(self.table(id=held.id, attempt=held.attempt)) == expected

    def settle(self, chosen: list[End]) -> None:
        outcomes = {}
        for number, verdict, error, delay in chosen if self.model.issued else ():
            held = self.held(number)
            outcomes[held] = Outcome(*held, verdict, error, delay)
        expected = {}
        for held, outcome in outcomes.items():
            later = outcome.delay and outcome.verdict is not Verdict.RELEASED
            due: Any = "future" if later else "past"
            status = self.model.settle(held, outcome.verdict.value, outcome.error, due=due)
            if status is not None:
                expected[held.id] = status

        assert self.jobs.settle(list(outcomes.values()), rule=NOW) == expected

    def rescue(self, number: int, others: list[str]) -> None:
        running = self.model.with_status(self.table.states.running)
        silent = {*others, *(str(job.worker) for job in running[number % 3 :: 3])}
        Worker.objects.filter(name__in=silent).update(last_seen_at=self.now - timedelta(hours=1))

        found = self.jobs.rescue(lease=LEASE, overdue=timedelta(days=2), rule=NOW)

        assert found == self.model.rescue(silent)
        Worker.objects.update(last_seen_at=self.now)

    # --- By people and by the clock --------------------------------------------------------------

    def cancel(self, numbers: list[int]) -> None:
        chosen = {job.id: job for job in map(self.picked, numbers)}

        assert self.jobs.filter(id__in=chosen).cancel() == self.model.cancel(chosen.values())

    def retry(self, numbers: list[int]) -> None:
        failed = self.model.with_status(self.table.states.failed)
        chosen = {job.id: job for job in [*failed[numbers[0] % 3 :], *map(self.picked, numbers)]}
        try:
            expected = self.model.retry(chosen.values())
        except KeyTaken:
            with pytest.raises(DuplicateJob):
                self.jobs.filter(id__in=chosen).retry()
            return
        assert self.jobs.filter(id__in=chosen).retry() == expected

    def promote(self) -> None:
        assert self.jobs.promote() == self.model.promote()

    def expire(self) -> None:
        assert self.jobs.expire() == self.model.expire()

    def let_time_pass(self) -> None:
        by = timedelta(hours=20)
        self.jobs.update(available_at=F("available_at") - by, expires_at=F("expires_at") - by)
        self.model.let_time_pass()

    def move_by_plain_sql(self, number: int, priority: int) -> None:
        job = self.picked(number)
        self.sql(f"UPDATE {self.name} SET priority = %s WHERE id = %s", priority, job.id)
        self.model.move(job, priority)

    def claim_while_paused(self, terms: dict[str, Any]) -> None:
        self.switch(paused_at=self.now)
        self.model.paused = True
        self.exchange(Terms("w1", 5, LIMIT, **terms), [])
        self.switch(paused_at=None)
        self.model.paused = False

    def set_rate_or_let_it_refill(self, jobs: int | None, refill: int) -> None:
        if self.model.rate is None or not refill:
            self.switch(rate_limit=jobs, rate_seconds=DAY, tokens=None, tokens_at=None)
            self.model.rate, self.model.tokens = jobs, jobs or 0
            return
        seconds = refill * DAY / self.model.rate + 1
        Queue.objects.update(tokens_at=F("tokens_at") - timedelta(seconds=seconds))
        self.model.refill(refill)

    def switch(self, **columns: Any) -> None:
        Queue.objects.update_or_create(table_name=self.name, defaults=columns)

    # --- What always holds -----------------------------------------------------------------------

    @invariant()
    def the_rows_are_as_the_model_says(self) -> None:
        rows = self.sql(
            "SELECT id, status, priority, turn, attempt, retry_count, worker_id, cancel_requested,"
            " error_message, available_at IS NOT NULL, completed_at IS NOT NULL,"
            f" deadline_at IS NOT NULL FROM {self.name}"
        )
        found = {row[0]: (*row[1:8], _timeless(row[8]), *row[9:]) for row in rows}
        states = self.table.states
        ended = {states.done, states.failed, states.cancelled}
        assert found == {
            job.id: (
                job.status,
                job.priority,
                job.turn,
                job.attempt,
                job.retries,
                job.worker,
                job.cancel_requested,
                job.error,
                job.due is not None,
                job.status in ended,
                job.status == states.running,
            )
            for job in self.model.jobs.values()
        }

    @invariant()
    def the_history_holds_what_did_not_end_well(self) -> None:
        rows = Attempt.objects.filter(table_name=self.name).values_list(
            "job_id", "attempt", "worker_id", "outcome", "error_message"
        )
        assert sorted(rows, key=str) == sorted(self.model.attempts, key=str)

    @invariant()
    def virtual_time_is_as_the_model_says(self) -> None:
        rows = Line.objects.filter(table_name=self.name).values_list("priority", "turn")
        assert dict(rows) == self.model.lines


def _timeless(error: str | None) -> str | None:
    return error and re.sub(r"begin before .*? UTC,", "begin before …", error)


class ErrandMachine(QueueMachine):
    """With people, and with a state for retries."""

    table = Errand


class ParcelMachine(QueueMachine):
    """Without either."""

    table = Parcel


def explore(machine: type[QueueMachine], examples: int, steps: int) -> None:
    bounds = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    run_state_machine_as_test(machine, settings=bounds)


@pytest.mark.parametrize(("machine", "examples"), [(ErrandMachine, 70), (ParcelMachine, 20)])
def test_whatever_happens_the_queue_is_as_its_model(
    transactional_db: None, machine: type[QueueMachine], examples: int
) -> None:
    explore(machine, examples, 40)


def test_claims_person_by_person_bring_the_same(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_statements, "WINDOW", 1)

    explore(ErrandMachine, 20, 40)


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("machine", [ErrandMachine, ParcelMachine])
def test_whatever_happens_for_long_the_queue_is_as_its_model(
    transactional_db: None, machine: type[QueueMachine]
) -> None:
    explore(machine, 400, 60)
