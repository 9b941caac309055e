"""Measurements of the system itself through the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from monitoring.actions import completing
from monitoring.models import PerformanceMetric
from tests.imaging.api.conftest import Caller, CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db
METRICS = "/api/v1/performance-metrics/"
HOUR = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)


@pytest.fixture(autouse=True)
def month(db: None) -> None:
    """The month of ``HOUR``, which is the last one in the first hours of a month."""
    completing.make_months(HOUR.date())


def measured(value: float, at: datetime = HOUR, **fields: Any) -> PerformanceMetric:
    """One figure."""
    values = {"metric_name": "fit", "metric_type": "duration", "unit": "s", "recorded_at": at}
    return PerformanceMetric.objects.create(**(values | fields), value=Decimal(str(value)))


def test_measurements_are_numbers_and_filtered(program: Caller) -> None:
    measured(1.5, labels={"analysis": "fit"})
    measured(20000, metric_name="rows", metric_type="rate")

    told = program.get(METRICS, {"metric_name": "fit"}).json()["results"]

    assert [(row["value"], row["labels"]) for row in told] == [(1.5, {"analysis": "fit"})]
    assert told[0]["percentile_p95"] is None
    for query, count in {
        "": 2,
        "metric_type=rate": 1,
        "since=2001-01-01T00:00:00Z": 2,
        "until=2001-01-01T00:00:00Z": 0,
        "order=oldest&limit=1": 1,
    }.items():
        assert len(program.get(f"{METRICS}?{query}").json()["results"]) == count, query


def test_measurements_are_summed_up_by_window(program: Caller) -> None:
    for second in range(10):
        measured(second, HOUR + timedelta(seconds=second))
    measured(3, HOUR + timedelta(hours=1))
    measured(7, metric_name="other")
    query = {"metric_name": "fit", "since": HOUR.isoformat()}

    told = program.get(f"{METRICS}by-window/", query).json()

    assert told["window_seconds"] == 3600
    assert [(row["sample_count"], row["value"], row["highest"]) for row in told["results"]] == [
        (10, 4.5, 9.0),
        (1, 3.0, 3.0),
    ]
    assert told["results"][0]["percentile_p95"] == 8.55
    assert told["results"][0]["window_start"] == HOUR.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    assert len(program.get(f"{METRICS}by-window/").json()["results"]) == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("window_seconds=0", "window_seconds"),
        ("window_seconds=x", "window_seconds"),
        ("window_seconds=1", "until"),
        ("since=yesterday", "since"),
        ("since=2026-01-01T00:00:00", "since"),
        ("until=2001-01-01T00:00:00Z&since=2002-01-01T00:00:00Z", "until"),
        ("name=fit", "name"),
    ],
)
def test_windows_that_cannot_be_are_refused(program: Caller, query: str, field: str) -> None:
    assert wrong_fields(program.get(f"{METRICS}by-window/?{query}")) == {field}


def test_a_program_of_the_api_sees_none(caller: CallerOf) -> None:
    machine = caller("api_user", scopes=["read:metrics"])

    for part in ("", "by-window/"):
        problem(machine.get(f"{METRICS}{part}"), 403, "not-allowed")
