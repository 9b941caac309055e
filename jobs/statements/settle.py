"""Writing how attempts ended, with their history."""

from __future__ import annotations

from functools import cache

from django.db import models

from jobs.retry import RetryRule
from jobs.statements.names import names


def _settle(model: type[models.Model], ended: str) -> str:
    """Apply verdicts: ``ended`` selects id, attempt, verdict, error, delay, and q's columns.

    What decides is read from the rows as ``ended`` has locked them, not as they were when the
    statement began: a job may have been cancelled in between. The parameters of ``ended`` come
    first, then those of the retry rule. An attempt that did not end well is kept in
    ``job_attempts`` by the same statement. Returns id and new status.
    """
    known = names(model)
    delay = RetryRule.SQL.format(count="q.retry_count")
    return """
        WITH ended AS MATERIALIZED ({ended}), verdicts AS MATERIALIZED (
            SELECT *,
                CASE
                    WHEN verdict = 'done' THEN {done}
                    WHEN verdict = 'cancelled'
                        OR cancel_requested AND verdict IN ('retry', 'lost', 'released')
                        THEN {cancelled}
                    WHEN expires_at <= now() AND verdict IN ('retry', 'lost', 'released')
                        THEN {failed}
                    WHEN verdict = 'released'
                        OR verdict IN ('retry', 'lost') AND retry_count < max_retries
                        THEN {waiting}
                    ELSE {failed}
                END AS next
            FROM ended
        ), settled AS (
            UPDATE {table} AS q
            SET status = v.next,
                retry_count = q.retry_count
                    + CASE
                        WHEN v.next = {waiting} AND v.verdict IN ('retry', 'lost') THEN 1 ELSE 0
                    END,
                error_message = coalesce(v.error, q.error_message),
                last_error_at = CASE WHEN v.error IS NULL THEN q.last_error_at ELSE now() END,
                available_at = CASE
                    WHEN v.next <> {waiting} THEN NULL
                    WHEN v.verdict = 'released' THEN now()
                    ELSE now() + coalesce(v.delay, {delay}) * interval '1 second'
                END,
                completed_at = CASE WHEN v.next = {waiting} THEN NULL ELSE now() END,
                worker_id = CASE WHEN v.next = {waiting} THEN NULL ELSE q.worker_id END,
                deadline_at = NULL,
                estimated_completion_at = NULL,
                cancel_requested = false
            FROM verdicts v
            WHERE q.id = v.id AND q.attempt = v.attempt AND {runs}
            RETURNING q.id, q.status
        ), kept AS (
            INSERT INTO job_attempts (
                table_name, job_id, attempt, worker_id, started_at, ended_at, outcome,
                error_message
            )
            SELECT {table_name}, v.id, v.attempt, v.worker_id, v.started_at, now(),
                CASE
                    WHEN v.verdict IN ('lost', 'released') THEN v.verdict
                    WHEN v.next = {cancelled} THEN 'cancelled'
                    WHEN v.verdict = 'failed' THEN 'gave_up'
                    ELSE 'failed'
                END,
                v.error
            FROM verdicts v JOIN settled s ON s.id = v.id
            WHERE v.verdict <> 'done'
        )
        SELECT id, status FROM settled
    """.format(ended=ended.format(**known), delay=delay, **known)


_ROW = "q.cancel_requested, q.retry_count, q.max_retries, q.worker_id, q.started_at, q.expires_at"


@cache
def settle(model: type[models.Model]) -> str:
    """Apply outcomes. Parameters: arrays of ids, attempts, verdicts, errors, delays; the rule.

    What another attempt holds, or nobody, is left alone and not returned.
    """
    return _settle(
        model,
        f"""
            SELECT o.id, o.attempt, o.verdict, o.error, o.delay, {_ROW}
            FROM unnest(%s::uuid[], %s::integer[], %s::text[], %s::text[], %s::float8[])
                AS o (id, attempt, verdict, error, delay)
            JOIN {{table}} q ON q.id = o.id
            WHERE q.attempt = o.attempt AND {{runs}}
            ORDER BY o.id
            FOR UPDATE OF q
        """,
    )


@cache
def rescue(model: type[models.Model]) -> str:
    """Take jobs from workers that stopped answering, or that let one run too long.

    It is rarely the job's fault, so its first retry comes at once; later ones wait, lest it be.
    Parameters: lease, seconds a job may be overdue, lease, overdue, limit; the rule.
    """
    return _settle(
        model,
        f"""
            SELECT q.id, q.attempt, 'lost' AS verdict, {_ROW},
                CASE WHEN q.retry_count = 0 THEN 0::float8 END AS delay,
                CASE
                    WHEN q.worker_id IS NULL THEN 'The job was running, but no worker held it.'
                    WHEN w.stopped_at IS NULL AND w.last_seen_at >= now() - %s * interval '1 second'
                        AND q.deadline_at < now() - %s * interval '1 second'
                        THEN format(
                            'The job ran past its deadline, and the worker %%s did not stop it.',
                            q.worker_id
                        )
                    ELSE format('The worker %%s stopped answering.', q.worker_id)
                END AS error
            FROM {{table}} q LEFT JOIN job_workers w ON w.name = q.worker_id
            WHERE q.status = {{running}} AND (
                w.id IS NULL OR w.stopped_at IS NOT NULL
                OR w.last_seen_at < now() - %s * interval '1 second'
                OR q.deadline_at < now() - %s * interval '1 second'
            )
            LIMIT %s
            FOR UPDATE OF q SKIP LOCKED
        """,
    )
