"""The documented reports: the same rows as in SQL, in pages."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.db import connection

from imaging.api.report_rows import VIEWS
from imaging.models import AnalysisResult, ProcessingJob
from tests.factories import make_image, make_job, make_result
from tests.imaging.api.conftest import CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db

REPORTS: Final = (
    "image-analysis-status",
    "queue-status-summary",
    "analysis-performance-summary",
    "duplicate-images-report",
    "user-activity-summary",
)


def address(name: str) -> str:
    """Where a report is."""
    return f"/api/v1/reports/{name}/"


def test_the_rows_have_the_columns_of_the_views() -> None:
    models = {model._meta.db_table: model for model in VIEWS.all_models["imaging"].values()}

    assert {name.replace("-", "_") for name in REPORTS} == set(models)
    for table, model in models.items():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} LIMIT 0")
            columns = [column.name for column in cursor.description]
        assert [field.column for field in model._meta.local_concrete_fields] == columns


@pytest.mark.parametrize("name", REPORTS)
def test_an_empty_report_has_no_rows_but_people(caller: CallerOf, name: str) -> None:
    rows = caller("admin").get(address(name)).json()["results"]

    assert len(rows) == (1 if name == "user-activity-summary" else 0)


def test_each_image_stands_with_its_result_and_its_latest_job(caller: CallerOf) -> None:
    result = make_result(anomalies=[{"code": "blurred"}])
    make_job(image=result.image)
    latest = make_job(image=result.image, priority=7)
    bare = make_image()
    viewer = caller("viewer")

    rows = viewer.get(address("image-analysis-status")).json()["results"]

    assert [row["image_id"] for row in rows] == [str(bare.pk), str(result.image_id)]
    row = rows[1]
    assert (row["analysis_id"], row["job_id"]) == (str(result.pk), str(latest.pk))
    assert (row["confidence_score"], row["anomaly_count"], row["priority"]) == (0.9, 1, 7)
    assert row["uploaded_at"].endswith("Z")
    found = viewer.get(address("image-analysis-status"), {"queue_status": "queued"}).json()
    assert len(found["results"]) == 1


def test_the_queue_and_the_speed_are_summed_up(caller: CallerOf) -> None:
    result = make_result(processing_time_ms=120)
    make_result(processing_time_ms=9000)
    make_result(processing_time_ms=1, from_cache=True)
    make_job(image=result.image)
    viewer = caller("viewer")

    (queued,) = viewer.get(address("queue-status-summary")).json()["results"]
    assert (queued["status"], queued["job_count"], queued["avg_priority"]) == ("queued", 1, 5.0)
    speeds = viewer.get(address("analysis-performance-summary")).json()["results"]
    assert [row["performance_category"] for row in speeds] == ["cached", "fast", "slow"]
    assert speeds[1]["p50_processing_time_ms"] == 120.0
    none = viewer.get(address("analysis-performance-summary"), {"algorithm_version": "x"})
    assert none.json()["results"] == []


def test_duplicates_of_both_kinds_come_in_pages(caller: CallerOf) -> None:
    oldest = make_image(upload_count=3)
    both = make_image(upload_count=2, is_duplicate=True, duplicate_of=oldest, duplicate_distance=1)
    viewer = caller("viewer")

    found: list[tuple[str, str]] = []
    page: str | None = f"{address('duplicate-images-report')}?limit=1"
    while page:
        answer = viewer.get(page).json()
        found += [(row["duplicate_kind"], row["image_id"]) for row in answer["results"]]
        page = answer["next"]

    assert found == [
        ("exact", str(both.pk)),
        ("exact", str(oldest.pk)),
        ("near", str(both.pk)),
    ]
    near = viewer.get(address("duplicate-images-report"), {"duplicate_kind": "near"}).json()
    assert near["results"][0]["duplicate_of_file_name"] == oldest.file_name


def test_an_admin_reads_what_everybody_did(caller: CallerOf) -> None:
    result = make_result()
    admin = caller("admin")

    query = {"user_id": str(result.user_id)}
    (row,) = admin.get(address("user-activity-summary"), query).json()["results"]

    assert (row["images_uploaded"], row["analyses_run"]) == (1, 1)
    assert row["email"] == AnalysisResult.objects.get().user.email
    for role in ("moderator", "analyst", "viewer", "api_user"):
        problem(caller(role).get(address("user-activity-summary")), 403, "not-allowed")


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("query", [{"colour": "red"}, {"limit": "0"}, {"cursor": "x"}])
def test_what_cannot_be_taken_is_refused(caller: CallerOf, name: str, query: Any) -> None:
    assert caller("admin").get(address(name), query).status_code == 400


def test_filters_of_reports_are_checked_too(caller: CallerOf) -> None:
    admin = caller("admin")

    for name, query in (
        ("image-analysis-status", {"queue_status": "lost"}),
        ("duplicate-images-report", {"duplicate_kind": "exactly"}),
        ("user-activity-summary", {"role": "king"}),
    ):
        assert wrong_fields(admin.get(address(name), query)) == set(query)


def test_reports_are_only_read(caller: CallerOf) -> None:
    for name in REPORTS:
        problem(caller("admin").post(address(name)), 405, "method-not-allowed")
    assert ProcessingJob.objects.count() == 0
