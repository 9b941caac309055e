"""Whose rows are seen, and that a longer list costs no more queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from monitoring.actions import silences
from monitoring.models import Alert, Dataset, PerformanceMetric
from tests.factories import make_analysis, make_anomaly, make_dataset
from tests.imaging.api.conftest import ROLES, Caller, CallerOf, problem
from tests.monitoring.alerting.making import make_rule
from tests.monitoring.api.test_samples import block

pytestmark = pytest.mark.django_db
LISTS: Final = (
    "datasets",
    "analyses",
    "maps",
    "monitor-samples",
    "anomalies",
    "alert-rules",
    "alerts",
    "silences",
)


def machine(by: User) -> dict[str, Any]:
    """A dataset with a row of everything: a row by resource."""
    dataset = make_dataset(by)
    analysis = make_analysis(dataset)
    rule = make_rule(dataset)
    block(analysis, [0])
    return {
        "datasets": dataset,
        "analyses": analysis,
        "maps": analysis.dinsight,
        "anomalies": make_anomaly(analysis),
        "alert-rules": rule,
        "alerts": Alert.objects.create(
            alert_rule=rule, dataset=dataset, user=by, data={}, severity="high"
        ),
        "silences": silences.silence(
            dataset.pk, ends_at=timezone.now() + timedelta(hours=1), comment="Repair.", by=by
        ),
    }


@pytest.mark.parametrize("role", ROLES)
def test_rows_of_others_are_hidden_but_from_admins(
    caller: CallerOf, engineer: User, role: str
) -> None:
    rows = machine(engineer)
    somebody = caller(role)

    for name in LISTS:
        found = somebody.get(f"/api/v1/{name}/").json()["results"]
        assert len(found) == (1 if role == "admin" else 0), name
    for name, row in rows.items():
        answer = somebody.get(f"/api/v1/{name}/{row.pk}/")
        if role == "admin":
            assert answer.status_code == 200, name
        else:
            problem(answer, 404, "not-found")


def test_the_owner_sees_everything_of_the_machine(program: Caller, engineer: User) -> None:
    rows = machine(engineer)

    for name in LISTS:
        assert len(program.get(f"/api/v1/{name}/").json()["results"]) == 1, name
    for name, row in rows.items():
        assert program.get(f"/api/v1/{name}/{row.pk}/").json()["id"] == str(row.pk)


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        ("datasets/", "read:datasets"),
        ("monitor-samples/", "read:datasets"),
        ("alerts/", "read:alerts"),
        ("performance-metrics/", "read:metrics"),
    ],
)
def test_a_key_needs_the_scope(caller: CallerOf, address: str, scope: str) -> None:
    assert caller("analyst", scopes=[scope]).get(f"/api/v1/{address}").status_code == 200
    problem(
        caller("analyst", scopes=["read:people"]).get(f"/api/v1/{address}"), 403, "scope-missing"
    )


def test_a_viewer_changes_nothing_of_a_machine(caller: CallerOf) -> None:
    viewer = caller("viewer")
    assert viewer.user is not None
    rows = machine(viewer.user)

    for name, verb in {
        "datasets": "archive/",
        "analyses": "cancel/",
        "anomalies": "acknowledge/",
        "alerts": "acknowledge/",
        "silences": "end/",
        "alert-rules": "dry-run/",
    }.items():
        problem(viewer.post(f"/api/v1/{name}/{rows[name].pk}/{verb}"), 403, "not-allowed")
    for name in ("datasets", "configurations", "alert-rules", "silences"):
        problem(viewer.post(f"/api/v1/{name}/"), 403, "not-allowed")
    assert Dataset.objects.get().is_active


def test_a_longer_list_costs_no_more_queries(program: Caller, engineer: User) -> None:
    def cost(name: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert program.get(f"/api/v1/{name}/").status_code == 200
        return len(asked)

    machine(engineer)
    PerformanceMetric.objects.create(metric_name="a", metric_type="count", value=1)
    names = (*LISTS, "configurations", "performance-metrics")
    before = {name: cost(name) for name in names}
    before = {name: cost(name) for name in names}  # what is looked up once was looked up
    for _ in range(2):
        machine(engineer)
        PerformanceMetric.objects.create(metric_name="a", metric_type="count", value=1)

    assert {name: cost(name) for name in names} == before
