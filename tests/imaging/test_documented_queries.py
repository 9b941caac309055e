"""The queries of the Negative Space Imaging document run as they are written there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.factories import make_image, make_job, make_result

pytestmark = pytest.mark.django_db(transaction=True)

LATEST_IMAGES = """
SELECT i.*, ar.confidence_score
FROM images i
LEFT JOIN analysis_results ar ON i.id = ar.image_id
WHERE i.user_id = $1
ORDER BY i.created_at DESC
LIMIT 50;
"""
PENDING_QUEUE = """
SELECT * FROM processing_queue
WHERE status IN ('queued', 'retrying')
ORDER BY priority DESC, created_at ASC
LIMIT 10;
"""
PERFORMANCE = """
SELECT
  a.algorithm_version,
  COUNT(*) as count,
  AVG(a.processing_time_ms) as avg_time,
  AVG(a.confidence_score) as avg_confidence
FROM analysis_results a
WHERE a.created_at > NOW() - INTERVAL '24 hours'
GROUP BY a.algorithm_version;
"""
PLAN = """
EXPLAIN ANALYZE
SELECT * FROM images WHERE user_id = $1 AND created_at > $2 ORDER BY created_at DESC;
"""
PEOPLE = """
INSERT INTO users (email, password_hash, role)
VALUES ('admin@example.com', '$2b$12$...', 'admin');
INSERT INTO users (email, password_hash, role)
VALUES ('analyst@example.com', '$2b$12$...', 'analyst');
INSERT INTO users (email, password_hash, role)
VALUES ('viewer@example.com', '$2b$12$...', 'viewer');
INSERT INTO users (email, password_hash, role)
VALUES ('api@example.com', '$2b$12$...', 'api_user');
"""
# The document's name stands for this database; ours is another.
CONNECTIONS = """
SELECT * FROM pg_stat_activity WHERE datname = 'negative_space';
"""
STALE = """
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = 'negative_space' AND state = 'inactive';
"""
SLOW = """
SELECT * FROM pg_stat_statements
ORDER BY mean_exec_time DESC LIMIT 10;
"""


@pytest.fixture
def raw(
    owner: psycopg.Connection[tuple[Any, ...]],
) -> psycopg.Connection[tuple[Any, ...]]:
    """The owner's connection, taking parameters as the document writes them: $1, $2."""
    owner.cursor_factory = psycopg.RawCursor
    return owner


def test_a_persons_latest_images_with_their_confidence(
    raw: psycopg.Connection[tuple[Any, ...]],
) -> None:
    result = make_result()
    waiting = make_image(user=result.image.user)

    cursor = raw.execute(LATEST_IMAGES, [result.image.user_id])

    names = [column.name for column in cursor.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    assert [row["id"] for row in rows] == [waiting.pk, result.image_id]
    assert [row["confidence_score"] for row in rows] == [None, Decimal("0.9000")]


def test_the_pending_queue(raw: psycopg.Connection[tuple[Any, ...]]) -> None:
    low, high = make_job(priority=1), make_job(priority=10)
    make_job(status="completed")

    assert [row[0] for row in raw.execute(PENDING_QUEUE)] == [high.pk, low.pk]


def test_the_performance_summary(raw: psycopg.Connection[tuple[Any, ...]]) -> None:
    make_result(processing_time_ms=100)
    make_result(processing_time_ms=300)

    ((version, count, average, confidence),) = raw.execute(PERFORMANCE)

    assert (version, count, average) == ("ns-1", 2, 200)
    assert float(confidence) == 0.9


def test_the_plan_of_a_query_and_the_statistics(
    raw: psycopg.Connection[tuple[Any, ...]],
) -> None:
    image = make_image()

    plan = raw.execute(PLAN, [image.user_id, image.created_at]).fetchall()

    assert "Execution Time" in plan[-1][0]
    for statement in (
        "ANALYZE images;",
        "ANALYZE analysis_results;",
        "REINDEX INDEX idx_images_created_at;",
        "VACUUM ANALYZE images;",
    ):
        assert raw.execute(statement).statusmessage == statement.split()[0]


def test_people_are_inserted_by_role(raw: psycopg.Connection[tuple[Any, ...]]) -> None:
    for statement in filter(str.strip, PEOPLE.split(";")):
        raw.execute(statement)

    rows = raw.execute("SELECT role, is_active FROM users ORDER BY email").fetchall()
    assert rows == [("admin", True), ("analyst", True), ("api_user", True), ("viewer", True)]


def test_connections_are_listed_and_stale_ones_ended(
    administrator: psycopg.Connection[tuple[Any, ...]],
) -> None:
    administrator.execute("VACUUM ANALYZE;")
    here = CONNECTIONS.replace("negative_space", str(connection.settings_dict["NAME"]))

    assert administrator.execute(here).fetchall()
    assert administrator.execute(STALE).fetchall() == []


@pytest.mark.skipif(
    settings.EMBEDDED_HOME is None,
    reason="needs pg_stat_statements in shared_preload_libraries; the private server has it",
)
def test_the_slowest_queries(administrator: psycopg.Connection[tuple[Any, ...]]) -> None:
    administrator.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    try:
        assert administrator.execute(SLOW).fetchall()
    finally:
        administrator.execute("DROP EXTENSION pg_stat_statements")


@pytest.mark.parametrize(
    "view",
    [
        "user_activity_summary",
        "queue_status_summary",
        "image_analysis_status",
        "analysis_performance_summary",
        "duplicate_images_report",
    ],
)
def test_every_report_answers_the_application_the_owner_and_the_reporting_role(
    view: str, administrator: psycopg.Connection[tuple[Any, ...]]
) -> None:
    result = make_result()
    make_job(image=result.image)
    make_image(is_duplicate=True, duplicate_of=result.image, duplicate_distance=2)

    for role in ("lacuna_system", "lacuna_admin", "lacuna_owner", "lacuna_readonly"):
        administrator.execute(f"SET ROLE {role}")
        assert administrator.execute(f"SELECT * FROM {view}").fetchall(), role
        administrator.execute("RESET ROLE")
