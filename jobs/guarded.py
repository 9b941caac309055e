"""Claims under a limit: so many jobs of one person at a time, so many of a queue in a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db import connections

from jobs.claiming import Exchange, Held, Terms, read_claim
from jobs.statements import claim as statements
from jobs.statements.names import has_person

if TYPE_CHECKING:
    from jobs.models.job import Job
    from jobs.querysets import JobQuerySet


def exchange(jobs: JobQuerySet[Any], done: Sequence[Held], terms: Terms) -> Exchange[Any]:
    """Mark attempts as done and claim what the limits allow; in the caller's transaction.

    The queue's row is locked first, in a statement of its own: what runs is then counted as it is
    after every earlier claim, so that no two claims fill the same room.
    """
    tokens = _lock(jobs)
    lost = jobs.mark_done(done)
    if tokens is not None:
        terms = replace(terms, slots=min(terms.slots, int(tokens)))
    claimed = _claim(jobs, terms) if terms.slots > 0 else []
    if tokens is not None and claimed:
        with connections[jobs.db].cursor() as cursor:
            table = jobs.model._meta.db_table
            cursor.execute(statements.SPEND, [tokens - len(claimed), table])
    return Exchange(lost, claimed)


def _lock(jobs: JobQuerySet[Any]) -> float | None:
    """Lock the queue's row; how many jobs its rate allows now, or None where it has no rate."""
    table = jobs.model._meta.db_table
    with connections[jobs.db].cursor() as cursor:
        cursor.execute(statements.LOCK_QUEUE, [table])
        row = cursor.fetchone()
        if row is None:
            cursor.execute(statements.OPEN_QUEUE, [table])
            cursor.execute(statements.LOCK_QUEUE, [table])
            row = cursor.fetchone()
    tokens: float | None = row[0]
    return tokens


def _claim(jobs: JobQuerySet[Any], terms: Terms) -> list[Any]:
    model: type[Job] = jobs.model
    limit = terms.limit_per_person
    if limit is None or not has_person(model):
        plain = replace(terms, limit_per_person=None, rated=False)
        return jobs.exchange([], plain).claimed
    window = max(statements.WINDOW, 4 * terms.slots)
    parameters = [window, limit, terms.slots, *terms.as_parameters()]
    seen, claimed = read_claim(jobs, statements.claim_within_limit(model), parameters, terms.worker)
    room = terms.slots - len(claimed)
    if room and seen >= window:
        parameters = [room, limit, room, *terms.as_parameters()]
        _, others = read_claim(jobs, statements.claim_by_person(model), parameters, terms.worker)
        claimed += others
    return claimed
