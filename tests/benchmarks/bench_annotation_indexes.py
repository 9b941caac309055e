"""The seven indexes that the Aves document adds, each with and without it at 1,000,000 rows.

Without it twice: the index alone dropped, so that others may serve in its place, and every
secondary index of the table dropped. Both in transactions that are rolled back. Then a hit in the
cache of providers' answers beside the same row by its primary key (goal: at most 1.5 times).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.benchmarks import installation
from tests.benchmarks.harness import Times, interleaved, publish, table

_ROWS, _ROUNDS = 1_000_000, 5
_HITS = 200  # look-ups in a round, so that one is not lost in the noise
_GOAL = 1.5

# Past the triggers and the keys to other tables, which are not measured here.
_MAKE = """
SET LOCAL session_replication_role = replica;
INSERT INTO annotations (image_id, label, bounding_box, vision_generated, vision_confidence,
    vision_provider, review_status, reviewed_by_id, reviewed_at, created_at)
SELECT md5('image ' || n %% (%(rows)s / 5))::uuid, 'bird ' || n %% 300,
    '{"topLeft": {"x": 0.1, "y": 0.1}, "bottomRight": {"x": 0.5, "y": 0.5},
      "width": 0.4, "height": 0.4}',
    true, (n::bigint * 7919 %% 10000) / 10000.0, 'openai', s.status,
    CASE WHEN s.status <> 'pending' THEN md5('person')::uuid END,
    CASE WHEN s.status <> 'pending' THEN now() END, now() - n * interval '1 second'
FROM generate_series(1, %(rows)s) n
CROSS JOIN LATERAL (
    SELECT CASE WHEN n %% 1000 = 0 THEN 'rejected' WHEN n %% 4 = 0 THEN 'pending'
        ELSE 'approved' END AS status
) s;
INSERT INTO exercise_cache (user_id, exercise_type, difficulty_level, topic, created_at, expires_at)
SELECT md5('person ' || n %% 5000)::uuid, (ARRAY['identify', 'find', 'verify'])[1 + n %% 3],
    (ARRAY['easy', 'medium', 'hard'])[1 + n / 3 %% 3], 'group:' || n / 9 %% 20,
    now() - n * interval '1 second',
    CASE WHEN n %% 1000 = 0 THEN now() - interval '1 hour' ELSE now() + interval '7 days' END
FROM generate_series(1, %(rows)s) n;
INSERT INTO batch_jobs (id, job_type, status, created_at)
SELECT md5('batch ' || n)::uuid,
    (ARRAY['annotate', 'approve', 'reject', 'warm_cache', 'recalibrate', 'import'])[1 + n %% 6],
    CASE WHEN n %% 1000 = 0 THEN 'failed' ELSE 'completed' END, now() - n * interval '1 second'
FROM generate_series(1, %(rows)s) n;
INSERT INTO batch_job_errors (job_id, error_message, created_at)
SELECT md5('batch ' || n %% (%(rows)s / 10))::uuid, 'The image was removed meanwhile.',
    now() - n * interval '1 second'
FROM generate_series(1, %(rows)s) n;
INSERT INTO vision_api_cache
    (url_hash, provider, model, response_data, response_time_ms, expires_at)
SELECT encode(sha256(n::text::bytea), 'hex'), 'openai', 'model', '{"boxes": []}', 900,
    now() + interval '90 days'
FROM generate_series(1, %(rows)s) n;
"""
_TABLES = ("annotations", "exercise_cache", "batch_jobs", "batch_job_errors", "vision_api_cache")


@dataclass(frozen=True, slots=True)
class Case:
    """What an index is for, its name and table, and a statement that needs it."""

    purpose: str
    index: str
    table: str
    statement: str


CASES = (
    Case(
        "an exercise of a person, by type, difficulty and topic",
        "idx_exercise_cache_lookup",
        "exercise_cache",
        "SELECT * FROM exercise_cache WHERE user_id = md5('person 7')::uuid"
        " AND exercise_type = 'find' AND difficulty_level = 'easy' AND topic = 'group:3'"
        " AND expires_at > now()",
    ),
    Case(
        "exercises that have expired",
        "idx_exercise_cache_expires_at",
        "exercise_cache",
        "SELECT id FROM exercise_cache WHERE expires_at <= now()",
    ),
    Case(
        "the annotations of an image, the surest first",
        "idx_annotations_image_confidence",
        "annotations",
        "SELECT * FROM annotations WHERE image_id = md5('image 7')::uuid"
        " ORDER BY vision_confidence DESC",
    ),
    Case(
        "the annotations of a status",
        "idx_annotations_review_status",
        "annotations",
        "SELECT count(*) FROM annotations WHERE review_status = 'rejected'",
    ),
    Case(
        "the batches of a status",
        "idx_batch_jobs_status",
        "batch_jobs",
        "SELECT id, job_type, error_message FROM batch_jobs WHERE status = 'failed'",
    ),
    Case(
        "the latest batches of a type and status",
        "idx_batch_jobs_type",
        "batch_jobs",
        "SELECT * FROM batch_jobs WHERE job_type = 'import' AND status = 'completed'"
        " ORDER BY created_at DESC LIMIT 50",
    ),
    Case(
        "the errors of a batch in their order",
        "idx_batch_job_errors_lookup",
        "batch_job_errors",
        "SELECT * FROM batch_job_errors WHERE job_id = md5('batch 7')::uuid ORDER BY created_at",
    ),
)


def main() -> None:
    """Fill the tables, measure, empty them."""
    installation.prepare()
    from django.db import connection, transaction

    from database.connections import as_admin

    with as_admin(connection):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_MAKE, {"rows": _ROWS})
            with connection.cursor() as cursor:
                for name in _TABLES:
                    cursor.execute(f"VACUUM ANALYZE {name}")
            found = [(case, _measure(case)) for case in CASES]
            cache = _measure_cache()
        finally:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SET session_replication_role = replica; TRUNCATE {', '.join(_TABLES)} CASCADE"
                )
    _publish(found, cache)


def _measure(case: Case) -> dict[str, Times]:
    others = (
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        f" WHERE i.indrelid = '{case.table}'::regclass AND NOT i.indisprimary"
        " AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
    )
    return {
        "with": _timed(case.statement, ""),
        "without it": _timed(case.statement, f"VALUES ('{case.index}')"),
        "without any": _timed(case.statement, others),
    }


def _timed(statement: str, dropped: str) -> Times:
    """The statement without the indexes that a query names; they are back afterwards."""
    from django.db import connection, transaction

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.fetchall()

    with transaction.atomic(), connection.cursor() as cursor:
        if dropped:
            cursor.execute(dropped)
            cursor.execute(f"DROP INDEX {', '.join(row[0] for row in cursor.fetchall())}")
        times = interleaved({"": run}, rounds=_ROUNDS)[""]
        transaction.set_rollback(True)
    return times


def _measure_cache() -> dict[str, Times]:
    """The same rows by what was asked, and by their keys."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, url_hash, provider FROM vision_api_cache TABLESAMPLE SYSTEM (1)"
            f" REPEATABLE (7) LIMIT {_HITS}"
        )
        rows = cursor.fetchall()
    by_key = "SELECT * FROM vision_api_cache WHERE id = %s"
    by_question = (
        "SELECT * FROM vision_api_cache WHERE provider = %s AND url_hash = %s ORDER BY id LIMIT 1"
    )

    def looked_up(statement: str, parameters: list[tuple[Any, ...]]) -> Callable[[], object]:
        def run() -> None:
            with connection.cursor() as cursor:
                for one in parameters:
                    cursor.execute(statement, one)
                    cursor.fetchone()

        return run

    return interleaved(
        {
            "by its primary key": looked_up(by_key, [(row[0],) for row in rows]),
            "by what was asked (a cache hit)": looked_up(
                by_question, [(row[2], row[1]) for row in rows]
            ),
        },
        rounds=_ROUNDS * 5,
    )


def _publish(found: list[tuple[Case, dict[str, Times]]], cache: dict[str, Times]) -> None:
    rows = [
        (
            case.purpose,
            f"`{case.index}`",
            *(
                f"{times[name].median * 1e3:.3g} ms"
                for name in ("with", "without it", "without any")
            ),
            f"{times['without any'].median / times['with'].median:,.0f} times",
        )
        for case, times in found
    ]
    hit, key = (cache[name].median for name in reversed(cache))
    publish(
        "annotation_indexes",
        "What the indexes of annotations gain",
        f"{_ROWS:,} rows in each table; medians of {_ROUNDS} rounds, the statement with the time of"
        " its way to the server and back. *Without it*: this index alone is dropped, and another"
        " one may serve in its place. *Without any*: every secondary index of the table is"
        " dropped.",
        table(["what is asked", "index", "with", "without it", "without any", "gain"], rows),
        f"A cached answer among {_ROWS:,}, {_HITS} look-ups a round: the hit takes"
        f" {hit / key:.2f} times what the primary key takes (goal: at most {_GOAL}).",
        table(
            ["the row is found", f"{_HITS} look-ups"],
            [(name, str(times)) for name, times in cache.items()],
        ),
        installation.server_version(),
        packages=("psycopg", "Django"),
    )


if __name__ == "__main__":
    main()
