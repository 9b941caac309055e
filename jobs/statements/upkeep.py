"""What happens to jobs that wait, and what a handler writes about the one it runs."""

from __future__ import annotations

from functools import cache

from django.db import models

from jobs.statements.names import has_person, names

# A person's jobs one turn after the other.
_STEP = "row_number() OVER (PARTITION BY d.person, d.priority, d.fresh ORDER BY d.turn, d.id)"


@cache
def promote(model: type[models.Model]) -> str:
    """Put jobs whose moment has come into the line. Parameter: limit.

    A job that was set to be retried without a moment, by plain SQL, is due at once. A job that was
    held back takes its place at the end of its person's line; one that is tried again beside those
    who are served now, since it has been in line before.
    """
    return """
        WITH due AS MATERIALIZED (
            SELECT id, {person} AS person, priority, turn, attempt = 0 AS fresh FROM {table}
            WHERE {held_back}
                AND coalesce(available_at, timestamptz '-infinity') <= statement_timestamp()
            ORDER BY coalesce(available_at, timestamptz '-infinity')
            LIMIT %s
            FOR UPDATE SKIP LOCKED
        ), lines AS MATERIALIZED (
            SELECT person, priority, fresh, CASE
                WHEN fresh THEN {last_turn}(person, priority)
                ELSE coalesce((
                    SELECT l.turn FROM job_lines l
                    WHERE l.table_name = {table_name} AND l.priority = d.priority
                ), 0)
            END AS turn
            FROM (SELECT DISTINCT person, priority, fresh FROM due) AS d
        ), placed AS MATERIALIZED (
            SELECT d.id, greatest(d.turn, l.turn + {step}) AS turn
            FROM due d JOIN lines l USING (person, priority, fresh)
        )
        UPDATE {table} AS q SET status = {ready}, available_at = NULL, turn = p.turn
        FROM placed p
        WHERE q.id = p.id AND q.id = ANY (ARRAY(SELECT id FROM placed))
    """.format(step=_STEP if has_person(model) else "1", **names(model))


@cache
def expire(model: type[models.Model]) -> str:
    """Cancel jobs that have not begun in time. Parameter: limit."""
    return """
        UPDATE {table} SET status = {cancelled}, completed_at = now(), available_at = NULL,
            last_error_at = now(),
            error_message = concat_ws(
                ' ', 'The job was to begin before',
                to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC,"'),
                'and no worker was free.', error_message
            )
        WHERE id = ANY (ARRAY(
            SELECT id FROM {table}
            WHERE expires_at IS NOT NULL AND status IN ({ready}, {waiting})
                AND expires_at <= statement_timestamp()
            ORDER BY expires_at
            LIMIT %s
            FOR UPDATE SKIP LOCKED
        ))
    """.format(**names(model))


@cache
def hold(model: type[models.Model]) -> str:
    """Lock a running attempt. Parameters: id, attempt."""
    return (
        "SELECT q.cancel_requested FROM {table} q"
        " WHERE q.id = %s AND q.attempt = %s AND {runs} FOR UPDATE"
    ).format(**names(model))


@cache
def report_progress(model: type[models.Model]) -> str:
    """Write how far a running attempt is. Parameters: done, total, message, total, done, done, id,
    attempt.
    """
    return """
        UPDATE {table} q
        SET progress_done = %s, progress_total = %s, progress_message = %s,
            estimated_completion_at = coalesce(
                now() + (now() - q.started_at) * (%s::float8 - %s) / nullif(%s, 0),
                q.estimated_completion_at
            )
        WHERE q.id = %s AND q.attempt = %s AND {runs}
    """.format(**names(model))
