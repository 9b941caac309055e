"""The statements that move jobs, composed once for each table from the names of its states.

Every moment is read from the database's clock. Names of states stand in the text, not in the
parameters: only so does the planner see that a partial index of ``install_queue()`` fits.
"""

from __future__ import annotations

from functools import cache

from django.db import connection, models
from psycopg import sql

from jobs.retry import RetryRule


@cache
def names(model: type[models.Model]) -> dict[str, str]:
    """What a statement on this table is composed of, quoted for SQL."""
    states = model.states  # type: ignore[attr-defined] # a concrete Job
    quoted = {
        state: sql.Literal(str(getattr(states, state))).as_string(None)
        for state in ("ready", "running", "done", "failed", "cancelled", "waiting")
    }
    held_back = f"(status = {quoted['ready']} AND available_at IS NOT NULL)"
    if states.retrying is not None:
        held_back = (
            f"(status = {quoted['waiting']}"
            f" OR status = {quoted['ready']} AND available_at IS NOT NULL)"
        )
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    # JSON stays behind until the handler asks for it: a value that Python cannot read (a number of
    # 5,000 digits, say) then fails its own job, where it would stop the worker that claims it.
    fields = [
        str(field.column)
        for field in model._meta.concrete_fields
        if not isinstance(field, models.JSONField)
    ]
    columns = ", ".join(f"q.{quote(column)}" for column in fields)
    return {**quoted, "table": table, "held_back": held_back, "columns": columns}


@cache
def claim(model: type[models.Model]) -> str:
    """Take the first ready jobs. Parameters: slots, worker, time limit in seconds."""
    return """
        WITH picked AS MATERIALIZED (
            SELECT id FROM {table}
            WHERE status = {ready} AND available_at IS NULL
            ORDER BY priority DESC, created_at, id
            LIMIT %s
            FOR UPDATE SKIP LOCKED
        )
        UPDATE {table} AS q
        SET status = {running}, attempt = q.attempt + 1, worker_id = %s, started_at = now(),
            deadline_at = now() + %s * interval '1 second', completed_at = NULL,
            estimated_completion_at = NULL, progress_done = 0, progress_total = NULL,
            progress_message = ''
        FROM picked
        WHERE q.id = picked.id
        RETURNING {columns}
    """.format(**names(model))


def _settle(model: type[models.Model], ended: str) -> str:
    """Apply verdicts: ``ended`` selects (id, attempt, verdict, error, delay) and q's columns.

    What decides is read from the rows as ``ended`` has locked them, not as they were when the
    statement began: a job may have been cancelled in between. The parameters of ``ended`` come
    first, then those of the retry rule. Returns id and new status.
    """
    known = names(model)
    delay = RetryRule.SQL.format(count="q.retry_count")
    return """
        WITH ended AS MATERIALIZED ({ended}), verdicts AS (
            SELECT id, attempt, error, delay, verdict,
                CASE
                    WHEN verdict = 'done' THEN {done}
                    WHEN verdict = 'cancelled'
                        OR cancel_requested AND verdict IN ('retry', 'released')
                        THEN {cancelled}
                    WHEN verdict = 'released'
                        OR verdict = 'retry' AND retry_count < max_retries
                        THEN {waiting}
                    ELSE {failed}
                END AS next
            FROM ended
        )
        UPDATE {table} AS q
        SET status = v.next,
            retry_count = q.retry_count
                + CASE WHEN v.next = {waiting} AND v.verdict = 'retry' THEN 1 ELSE 0 END,
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
        WHERE q.id = v.id AND q.attempt = v.attempt AND q.status = {running}
        RETURNING q.id, q.status
    """.format(ended=ended.format(**known), delay=delay, **known)


@cache
def settle(model: type[models.Model]) -> str:
    """Apply outcomes. Parameters: arrays of ids, attempts, verdicts, errors, delays; the rule.

    What another attempt holds, or nobody, is left alone and not returned.
    """
    return _settle(
        model,
        """
            SELECT o.id, o.attempt, o.verdict, o.error, o.delay,
                q.cancel_requested, q.retry_count, q.max_retries
            FROM unnest(%s::uuid[], %s::integer[], %s::text[], %s::text[], %s::float8[])
                AS o (id, attempt, verdict, error, delay)
            JOIN {table} q ON q.id = o.id
            WHERE q.attempt = o.attempt AND q.status = {running}
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
        """
            SELECT q.id, q.attempt, q.cancel_requested, q.retry_count, q.max_retries,
                'retry' AS verdict,
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
            FROM {table} q LEFT JOIN job_workers w ON w.name = q.worker_id
            WHERE q.status = {running} AND (
                w.id IS NULL OR w.stopped_at IS NOT NULL
                OR w.last_seen_at < now() - %s * interval '1 second'
                OR q.deadline_at < now() - %s * interval '1 second'
            )
            LIMIT %s
            FOR UPDATE OF q SKIP LOCKED
        """,
    )


@cache
def promote(model: type[models.Model]) -> str:
    """Put jobs whose moment has come into the line. Parameter: limit.

    A job that was set to be retried without a moment, by plain SQL, is due at once.
    """
    return """
        UPDATE {table} SET status = {ready}, available_at = NULL
        WHERE id = ANY (ARRAY(
            SELECT id FROM {table}
            WHERE {held_back}
                AND coalesce(available_at, timestamptz '-infinity') <= statement_timestamp()
            ORDER BY coalesce(available_at, timestamptz '-infinity')
            LIMIT %s
            FOR UPDATE SKIP LOCKED
        ))
    """.format(**names(model))


@cache
def hold(model: type[models.Model]) -> str:
    """Lock a running attempt. Parameters: id, attempt."""
    return (
        "SELECT q.cancel_requested FROM {table} q"
        " WHERE q.id = %s AND q.attempt = %s AND q.status = {running} FOR UPDATE"
    ).format(**names(model))


@cache
def report_progress(model: type[models.Model]) -> str:
    """Write how far a running attempt is. Parameters: done, total, message, total, done, done, id,
    attempt.
    """
    return """
        UPDATE {table} q
        SET progress_done = %s, progress_total = %s, progress_message = %s,
            estimated_completion_at =
                now() + (now() - q.started_at) * (%s::float8 - %s) / nullif(%s, 0)
        WHERE q.id = %s AND q.attempt = %s AND q.status = {running}
    """.format(**names(model))
