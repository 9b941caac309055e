"""What row security costs: 1,000,000 rows of 1,000 people, confined and shared, against none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from uuid import UUID

from tests.benchmarks import installation
from tests.benchmarks.harness import Times, interleaved, publish, table

_ROWS, _PEOPLE, _ROUNDS = 1_000_000, 1_000, 25
_REPEATED = 50  # statements in a transaction, so that its beginning counts little

_MAKE = """
DROP TABLE IF EXISTS bench_confined, bench_open, bench_images_shared, bench_images_open;
CREATE TABLE bench_confined (
    id uuid PRIMARY KEY DEFAULT new_key(), user_id uuid NOT NULL, name text NOT NULL,
    created_at timestamptz NOT NULL
);
INSERT INTO bench_confined (user_id, name, created_at)
SELECT md5('person ' || n %% %(people)s)::uuid, 'row ' || n, now() - n * interval '1 second'
FROM generate_series(1, %(rows)s) n;
CREATE INDEX bench_confined_user ON bench_confined (user_id, created_at DESC, id DESC);
CREATE TABLE bench_open (LIKE bench_confined INCLUDING ALL);
INSERT INTO bench_open SELECT * FROM bench_confined;
SELECT confine('bench_confined');
CREATE TABLE bench_images_open (LIKE images INCLUDING DEFAULTS INCLUDING INDEXES);
INSERT INTO bench_images_open (user_id, file_name, file_path, file_size, mime_type, file_hash,
    image_dimensions, created_at)
SELECT md5('person ' || n %% %(people)s)::uuid, 'image-' || n || '.jpg', 'originals/' || n, 1000,
    'image/jpeg', encode(sha256(n::text::bytea), 'hex'), '{"width": 4000, "height": 3000}',
    now() - n * interval '1 second'
FROM generate_series(1, %(rows)s) n;
CREATE TABLE bench_images_shared (LIKE bench_images_open INCLUDING ALL);
INSERT INTO bench_images_shared SELECT * FROM bench_images_open;
SELECT share('bench_images_shared', look => '{imaging.view_image}');
GRANT SELECT ON bench_confined, bench_open, bench_images_shared, bench_images_open
    TO lacuna_app, lacuna_admin, lacuna_system;
"""
_DROP = "DROP TABLE bench_confined, bench_open, bench_images_shared, bench_images_open"
_TABLES = ("bench_confined", "bench_open", "bench_images_shared", "bench_images_open")

# Each in its two spellings: what the policy adds by itself stands in the other as a condition.
_QUERIES = {
    "how many of one's own (1,000 of 1,000,000)": (
        "SELECT count(*) FROM bench_confined",
        "SELECT count(*) FROM bench_open WHERE user_id = '{me}'",
    ),
    "the page of one's newest 20": (
        "SELECT * FROM bench_confined ORDER BY created_at DESC, id DESC LIMIT 20",
        "SELECT * FROM bench_open WHERE user_id = '{me}'"
        " ORDER BY created_at DESC, id DESC LIMIT 20",
    ),
    "one row by its key": (
        "SELECT * FROM bench_confined WHERE id = '{row}'",
        "SELECT * FROM bench_open WHERE id = '{row}' AND user_id = '{me}'",
    ),
    "the page of the team's newest 50 images": (
        "SELECT * FROM bench_images_shared ORDER BY created_at DESC, id DESC LIMIT 50",
        "SELECT * FROM bench_images_open ORDER BY created_at DESC, id DESC LIMIT 50",
    ),
}
_PAGE = "the page of one's newest 20"


def main() -> None:
    """Make the tables, measure, drop them."""
    installation.prepare()
    from django.db import connection

    from database.connections import as_owner

    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(_MAKE, {"rows": _ROWS, "people": _PEOPLE})
        for name in _TABLES:
            cursor.execute(f"VACUUM ANALYZE {name}")
    try:
        _measure()
    finally:
        with as_owner(connection), connection.cursor() as cursor:
            cursor.execute(_DROP)


def _measure() -> None:
    from django.db import connection

    from accounts.models import User
    from database.actor import acting_as

    with connection.cursor() as cursor:
        cursor.execute("SELECT md5('person 7')::uuid")
        [me] = cursor.fetchone()
        cursor.execute("SELECT id FROM bench_open WHERE user_id = %s LIMIT 1", [me])
        [row] = cursor.fetchone()
    viewer = User.objects.create(id=me, email="viewer@example.org", role="viewer")
    variants: dict[str, Callable[[], object]] = {}
    for name, spellings in _QUERIES.items():
        for spelling, statement in zip(("policy", "condition"), spellings, strict=True):
            variants[f"{name}, {spelling}"] = _repeated(
                statement.format(me=me, row=row), lambda: acting_as(viewer.pk)
            )
    queries = interleaved(variants, rounds=_ROUNDS)
    transactions = interleaved(_transactions(viewer.pk), rounds=_ROUNDS)
    _publish(queries, transactions)


def _repeated(
    statement: str, person: Callable[[], AbstractContextManager[None]]
) -> Callable[[], object]:
    """The statement, many times in one transaction of the person's."""
    from django.db import connection, transaction

    def run() -> None:
        with person(), transaction.atomic(), connection.cursor() as cursor:
            for _ in range(_REPEATED):
                cursor.execute(statement)
                cursor.fetchall()

    return run


def _transactions(person: UUID) -> dict[str, Callable[[], object]]:
    """A hundred smallest transactions each: of somebody, and of the system."""
    from django.db import connection, transaction

    from database.actor import acting_as

    def lone(named: Callable[[], AbstractContextManager[None]]) -> Callable[[], object]:
        def run() -> None:
            with named(), connection.cursor() as cursor:
                for _ in range(_REPEATED):
                    cursor.execute("SELECT 1")

        return run

    def block(named: Callable[[], AbstractContextManager[None]]) -> Callable[[], object]:
        def run() -> None:
            with named(), connection.cursor() as cursor:
                for _ in range(_REPEATED):
                    with transaction.atomic():
                        cursor.execute("SELECT 1")

        return run

    somebody = lambda: acting_as(person)  # noqa: E731 - as short as what it stands beside
    return {
        "a lone query of the system's": lone(nullcontext),
        "a lone query of a person's": lone(somebody),
        "an atomic block of the system's": block(nullcontext),
        "an atomic block of a person's": block(somebody),
    }


def _publish(queries: dict[str, Times], transactions: dict[str, Times]) -> None:
    def each(times: Times) -> str:
        return str(Times(tuple(seconds / _REPEATED for seconds in times.rounds)))

    ratios = {
        name: queries[f"{name}, policy"].median / queries[f"{name}, condition"].median
        for name in _QUERIES
    }
    rows = [
        (
            name,
            each(queries[f"{name}, condition"]),
            each(queries[f"{name}, policy"]),
            f"{ratio:.2f}",
        )
        for name, ratio in ratios.items()
    ]
    more = []
    for name in ("a lone query", "an atomic block"):
        own, person = transactions[f"{name} of the system's"], transactions[f"{name} of a person's"]
        cost = (person.median - own.median) / _REPEATED * 1e3
        more.append((name, each(own), each(person), f"{cost:.3f} ms"))
    verdict = "met" if ratios[_PAGE] <= 2 else "missed"
    publish(
        "row_security",
        f"A page under row security takes {ratios[_PAGE]:.2f} times an unguarded one's time"
        f" (goal 2: {verdict})",
        f"{_ROWS:,} rows of {_PEOPLE:,} people, made by `confine()`, against a copy without row"
        " security and with the condition written out; the images by `share()`, against a copy"
        f" without. {_REPEATED} statements in each transaction of a viewer's, through Django."
        f" {installation.server_version()}, private server.",
        table(("query", "condition written out", "row security", "ratio"), rows),
        "What it costs to name somebody: `SELECT 1` as the system, for whom a lone query needs no"
        " transaction, and as a person, told in each transaction with the role that fits.",
        table(("transaction", "system", "person", "more"), more),
        packages=("django", "psycopg"),
    )


if __name__ == "__main__":
    main()
