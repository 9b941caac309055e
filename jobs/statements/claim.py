"""Telling the end of jobs and taking the next ones."""

from __future__ import annotations

from functools import cache

from django.db import models

from jobs.statements.names import NOBODY, names

# How far a claim that must leave people out looks down the line before it goes person by person,
# and how many people's lines it then looks at.
WINDOW = 256
LINES = 1000

_ENDED = """
    UPDATE {table} AS q
    SET status = {done}, completed_at = now(), deadline_at = NULL,
        estimated_completion_at = NULL, cancel_requested = false
    FROM unnest(%s::uuid[], %s::integer[]) AS o (id, attempt)
    WHERE q.id = o.id AND q.attempt = o.attempt AND {runs}
    RETURNING q.id
"""

_CLAIMED = """
    UPDATE {table} AS q
    SET status = {running}, attempt = q.attempt + 1, worker_id = %s, started_at = now(),
        deadline_at = least(now() + %s * interval '1 second', q.expires_at),
        estimated_completion_at = now() + %s::float8 * interval '1 second',
        completed_at = NULL, cancel_requested = false,
        progress_done = 0, progress_total = NULL, progress_message = ''
    WHERE q.id = ANY (ARRAY(SELECT id FROM picked))
    RETURNING {columns}
"""

_OPEN = """
    NOT EXISTS (
        SELECT FROM job_queues WHERE table_name = {table_name} AND paused_at IS NOT NULL
    )
"""

_FRESH = "(expires_at IS NULL OR expires_at > now())"


@cache
def finish(model: type[models.Model]) -> str:
    """Mark attempts as done. Parameters: arrays of ids and attempts. Returns the ids."""
    return _ENDED.format(**names(model))


@cache
def exchange(model: type[models.Model], *, further: bool) -> str:
    """Mark attempts as done and take the first jobs in line, in one statement.

    Parameters: arrays of ids and attempts; with ``further``, the place (-priority, turn, id) after
    which to look; slots, worker, time limit, usual duration (seconds or null). Returns at least
    one row: how many attempts were marked, how many jobs were picked, and a job or nulls.
    """
    after = "AND (-priority, turn, id) > (%s::integer, %s::bigint, %s::uuid)" if further else ""
    return f"""
        WITH ended AS ({_ENDED}), picked AS MATERIALIZED (
            SELECT id FROM {{table}}
            WHERE {{in_line}} AND {_FRESH} AND {_OPEN} {after}
            ORDER BY {{line}}
            LIMIT %s::bigint
            FOR UPDATE SKIP LOCKED
        ), claimed AS ({_CLAIMED})
        SELECT (SELECT count(*) FROM ended), c.*
        FROM (VALUES (true)) AS one (row) LEFT JOIN claimed AS c ON true
        ORDER BY -c.priority, c.turn, c.id
    """.format(**names(model))


_RUNNING = """
    running_now AS (
        SELECT user_id, count(*) AS jobs FROM {table}
        WHERE status = {running} AND user_id IS NOT NULL
        GROUP BY user_id
    )
"""

# Whoever else claims waits for the queue's row, so nobody takes these rows in between; some
# may be locked by whoever cancels or moves them.
_PICKED = """
    picked AS MATERIALIZED (
        SELECT id FROM {table}
        WHERE id = ANY (ARRAY(SELECT id FROM chosen)) AND {waits}
        FOR UPDATE SKIP LOCKED
    )
"""


@cache
def claim_within_limit(model: type[models.Model]) -> str:
    """Take the first jobs of people who have not reached their limit, near the head of the line.

    Parameters: how far to look, limit, slots, worker, time limit, usual duration. Returns at least
    one row: how many jobs were looked at, and a job or nulls.
    """
    return f"""
        WITH {_RUNNING}, seen AS MATERIALIZED (
            SELECT id, user_id, priority, turn FROM {{table}}
            WHERE {{in_line}} AND {_FRESH} AND {_OPEN}
            ORDER BY {{line}}
            LIMIT %s::bigint
        ), counted AS (
            SELECT s.*,
                row_number() OVER (PARTITION BY s.user_id ORDER BY -s.priority, s.turn, s.id)
                    + coalesce(r.jobs, 0) AS nth
            FROM seen s LEFT JOIN running_now r ON r.user_id = s.user_id
        ), chosen AS (
            SELECT id FROM counted
            WHERE user_id IS NULL OR nth <= %s::bigint
            ORDER BY -priority, turn, id
            LIMIT %s::bigint
        ), {_PICKED}, claimed AS ({_CLAIMED})
        SELECT (SELECT count(*) FROM seen), c.*
        FROM (VALUES (true)) AS one (row) LEFT JOIN claimed AS c ON true
        ORDER BY -c.priority, c.turn, c.id
    """.format(**names(model))


@cache
def claim_by_person(model: type[models.Model]) -> str:
    """The same, person by person: for when those at the head of the line have all they may.

    Goes through the people who wait at each priority by the index of their lines (a loose index
    scan), at most LINES of them. Parameters: slots, limit, slots, worker, time limit, usual
    duration. Returns as ``claim_within_limit``.
    """
    return f"""
        WITH RECURSIVE {_RUNNING}, lines (place, person, number) AS (
            (
                SELECT -priority, {{person}}, 1 FROM {{table}}
                WHERE {{in_own_line}} AND {_OPEN}
                ORDER BY -priority, {{person}}
                LIMIT 1
            )
            UNION ALL
            SELECT next.place, next.person, l.number + 1
            FROM lines l, LATERAL (
                SELECT -priority AS place, {{person}} AS person FROM {{table}}
                WHERE {{in_own_line}} AND (-priority, {{person}}) > (l.place, l.person)
                ORDER BY -priority, {{person}}
                LIMIT 1
            ) AS next
            WHERE l.number < {LINES}
        ), counted AS (
            SELECT j.id, j.turn, l.place, l.person,
                row_number() OVER (PARTITION BY l.person ORDER BY l.place, j.turn, j.id)
                    + coalesce(r.jobs, 0) AS nth
            FROM lines l LEFT JOIN running_now r ON r.user_id = l.person, LATERAL (
                SELECT id, turn FROM {{table}}
                WHERE {{in_own_line}} AND {_FRESH} AND -priority = l.place AND {{person}} = l.person
                ORDER BY turn, id
                LIMIT %s::bigint
            ) AS j
        ), chosen AS (
            SELECT id FROM counted
            WHERE person = {NOBODY} OR nth <= %s::bigint
            ORDER BY place, turn, id
            LIMIT %s::bigint
        ), {_PICKED}, claimed AS ({_CLAIMED})
        SELECT (SELECT count(*) FROM lines), c.*
        FROM (VALUES (true)) AS one (row) LEFT JOIN claimed AS c ON true
        ORDER BY -c.priority, c.turn, c.id
    """.format(**names(model))


LOCK_QUEUE = """
    SELECT CASE
        WHEN rate_limit IS NULL THEN NULL
        -- The clock was set back since: rather too many once than none for a long time.
        WHEN tokens_at > clock_timestamp() + interval '1 minute' THEN rate_limit
        ELSE least(
            rate_limit,
            coalesce(tokens, rate_limit)
                + greatest(0, extract(epoch FROM clock_timestamp() - tokens_at))::float8
                * rate_limit / rate_seconds
        )
    END
    FROM job_queues WHERE table_name = %s
    FOR UPDATE
"""
OPEN_QUEUE = "INSERT INTO job_queues (table_name) VALUES (%s) ON CONFLICT DO NOTHING"
SPEND = "UPDATE job_queues SET tokens = %s, tokens_at = clock_timestamp() WHERE table_name = %s"


@cache
def advance(model: type[models.Model]) -> str:
    """Move the virtual time forward. Parameters: arrays of priorities and turns."""
    return """
        INSERT INTO job_lines AS l (table_name, priority, turn)
        SELECT {table_name}, o.priority, o.turn
        FROM unnest(%s::integer[], %s::bigint[]) AS o (priority, turn)
        ORDER BY o.priority
        ON CONFLICT (table_name, priority) DO UPDATE SET turn = excluded.turn
            WHERE l.turn < excluded.turn
    """.format(**names(model))
