"""The plans of the statements: a queue of 200,000 rows is no slower than one of twenty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.db import connection

from database.connections import as_admin, as_owner, own_connection
from jobs.claiming import Held, Place, Terms, fetch
from jobs.querysets import exchange_in_text
from jobs.retry import RetryRule
from jobs.statements import claim, enqueue, settle, upkeep
from tests.jobs.queueapp.models import Errand

LIMIT = timedelta(minutes=1)
PERSON = UUID(int=1)

# Most have ended; 20,000 are in line, 500 wait for their moment, 200 run and 300 may come too late.
FILL = """
    INSERT INTO test_errands (
        status, priority, turn, user_id, available_at, expires_at, attempt, worker_id, deadline_at
    )
    SELECT
        CASE
            WHEN n <= 179000 THEN (ARRAY['completed', 'failed', 'cancelled'])[1 + n % 3]
            WHEN n <= 199300 THEN 'queued'
            WHEN n <= 199800 THEN 'retrying'
            ELSE 'processing'
        END,
        1 + n % 10, n / 20,
        ('00000000-0000-0000-0000-' || lpad(to_hex(1 + n % 20), 12, '0'))::uuid,
        CASE WHEN n BETWEEN 199301 AND 199800 THEN now() + interval '1 hour' END,
        CASE WHEN n BETWEEN 199001 AND 199300 THEN now() + interval '1 hour' END,
        1, 'w' || n % 10,
        CASE WHEN n > 199800 THEN now() + interval '1 hour' END
    FROM generate_series(1, 200000) AS n
"""
WORKERS = """
    INSERT INTO job_workers (name, hostname, pid)
    SELECT 'w' || n, 'h', 1 FROM generate_series(0, 9) AS n
"""


@pytest.fixture(scope="module", params=["right after they were inserted", "with statistics"])
def full_table(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any
) -> Iterator[None]:
    """200,000 committed rows, whose statistics the planner has or has not."""
    with django_db_blocker.unblock():
        with as_admin(connection), own_connection() as admin:
            # Forgets the number of rows that a vacuum wrote down while other tests ran.
            admin.execute("TRUNCATE test_errands, job_workers")
        with as_owner(connection), own_connection() as owner:
            # Else the planner's knowledge would be a matter of when the test runs.
            owner.execute("ALTER TABLE test_errands SET (autovacuum_enabled = off)")
            owner.execute(FILL)
            owner.execute(WORKERS)
            if request.param == "with statistics":
                owner.execute("ANALYZE test_errands")
        yield
        with as_admin(connection), own_connection() as admin:
            admin.execute("TRUNCATE test_errands, job_workers")
            admin.execute("ALTER TABLE test_errands RESET (autovacuum_enabled)")
            admin.execute("ANALYZE test_errands")
        connection.close()


class Plan(NamedTuple):
    """What the server did for a statement."""

    nodes: list[dict[str, Any]]
    pages: int

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [node for node in self.nodes if node["Node Type"] == kind]

    @property
    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}


def plan_of(statement: str, parameters: Sequence[Any]) -> Plan:
    """Runs it, as the worker would."""
    explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
    [[[answer]]] = fetch("default", explain + statement, parameters)
    root = answer["Plan"]
    return Plan(list(_walk(root)), root["Shared Hit Blocks"] + root["Shared Read Blocks"])


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)


def running(count: int) -> list[Held]:
    rows = Errand.objects.filter(status="processing").order_by("id")
    return [Held(*row) for row in rows.values_list("id", "attempt")[:count]]


def arrays(held: Sequence[Held]) -> list[Any]:
    return [[each.id for each in held], [each.attempt for each in held]]


def assert_lean(plan: Plan, *indexes: str, pages: int) -> None:
    """By these indexes alone, the whole table or line never read, nor sorted."""
    scans = [node for node in plan.of("Seq Scan") if node["Relation Name"] == "test_errands"]
    assert not scans, scans
    assert set(indexes) <= plan.indexes
    wide = [node for node in plan.nodes if node["Actual Rows"] > 6000]
    assert not wide, wide
    assert plan.pages < pages


@pytest.mark.parametrize("slots", [1, 10, 100])
@pytest.mark.parametrize("place", [None, Place(-6, 9_400, UUID(int=0))], ids=["head", "further"])
def test_a_claim_reads_the_line_only_as_far_as_it_goes(
    full_table: None, db: None, slots: int, place: Place | None
) -> None:
    terms = Terms("w", slots, LIMIT, place=place)
    statement, parameters = exchange_in_text(Errand, running(slots), terms)

    plan = plan_of(statement, parameters)

    assert_lean(plan, "idx_test_errands_ready", "test_errands_pkey", pages=1000 + 200 * slots)
    [scan] = [node for node in plan.nodes if node.get("Index Name") == "idx_test_errands_ready"]
    assert scan["Actual Rows"] == slots


def test_a_claim_sorts_nothing_but_what_it_took(full_table: None, db: None) -> None:
    plan = plan_of(*exchange_in_text(Errand, [], Terms("w", 10, LIMIT)))

    assert [node["Actual Rows"] for node in plan.of("Sort")] in ([10], [])


@pytest.mark.parametrize("count", [1, 100])
def test_attempts_are_finished_by_key(full_table: None, db: None, count: int) -> None:
    plan = plan_of(claim.finish(Errand), arrays(running(count)))

    assert_lean(plan, "test_errands_pkey", pages=1000 + 100 * count)
    assert plan.indexes == {"test_errands_pkey"}


@pytest.mark.parametrize("count", [1, 100])
def test_attempts_are_settled_by_key(full_table: None, db: None, count: int) -> None:
    held = running(count)
    parameters = [
        *arrays(held),
        ["retry"] * count,
        ["no"] * count,
        [None] * count,
        *RetryRule().as_parameters(),
    ]

    plan = plan_of(settle.settle(Errand), parameters)

    assert_lean(plan, "test_errands_pkey", pages=1000 + 200 * count)


def test_a_claim_within_limits_reads_no_further_than_its_window(full_table: None, db: None) -> None:
    terms = [claim.WINDOW, 15, 10, "w", 60.0, None]

    plan = plan_of(claim.claim_within_limit(Errand), terms)

    assert_lean(plan, "idx_test_errands_ready", "idx_test_errands_running", pages=3000)
    line = [node for node in plan.nodes if node.get("Index Name") == "idx_test_errands_ready"]
    assert max(node["Actual Rows"] for node in line) == claim.WINDOW


def test_what_a_guarded_claim_has_chosen_it_takes_by_key(full_table: None, db: None) -> None:
    plan = plan_of(claim.claim_within_limit(Errand), [claim.WINDOW, 99, 10, "w", 60.0, None])

    line = [node for node in plan.nodes if node.get("Index Name") == "idx_test_errands_ready"]
    assert len(line) == 1


def test_a_claim_person_by_person_steps_from_line_to_line(full_table: None, db: None) -> None:
    plan = plan_of(claim.claim_by_person(Errand), [10, 15, 10, "w", 60.0, None])

    # 20 lines of 10 jobs, of 20,000 in line.
    assert_lean(plan, "idx_test_errands_turns", "idx_test_errands_running", pages=3000)


def test_the_upkeep_reads_only_what_waits(full_table: None, db: None) -> None:
    assert_lean(plan_of(upkeep.promote(Errand), [500]), "idx_test_errands_waiting", pages=300)
    assert_lean(plan_of(upkeep.expire(Errand), [500]), "idx_test_errands_expiring", pages=300)


def test_the_rescue_reads_only_what_runs(full_table: None, db: None) -> None:
    parameters = [20.0, 30.0, 20.0, 30.0, 500, *RetryRule().as_parameters()]

    plan = plan_of(settle.rescue(Errand), parameters)

    assert_lean(plan, "idx_test_errands_running", pages=1500)


def test_a_persons_last_turn_is_one_step_in_the_index(full_table: None, db: None) -> None:
    plan = plan_of(enqueue.last_turns(Errand), [[PERSON, None], [5, 5]])

    # The whole line would be 4,000 pages; looking the catalogue up takes some hundreds.
    assert plan.pages < 1500
