"""The whole way through the API: a file, a map, new samples, anomalies, a rule."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from monitoring.models import Analysis
from tests.imaging.api.conftest import Caller
from tests.monitoring.actions.conftest import storage
from tests.monitoring.api.conftest import SCOPES
from tests.monitoring.rows import cloud
from tests.monitoring.watched import COLUMNS, csv, worked_on

__all__ = ["storage"]

pytestmark = pytest.mark.django_db
API = "/api/v1"


def handed_in(program: Caller, text: str, name: str) -> str:
    """The key of the file."""
    form = {"file": SimpleUploadedFile(name, text.encode(), "text/csv")}
    made = program.client.post(f"{API}/files/", form, headers=program.headers)
    assert (made.status_code, made.json()["status"]) == (201, "ready"), made.content
    key: str = made.json()["id"]
    return key


def done(program: Caller, address: str, **body: Any) -> dict[str, Any]:
    """The analysis that was asked for, after a worker had it."""
    asked = program.post(address, body)
    assert asked.status_code == 201, asked.content
    worked_on(Analysis.objects.get(pk=asked.json()["id"]))
    told: dict[str, Any] = program.get(asked["Location"]).json()
    assert told["status"] == "completed", told
    return told


def test_a_machine_is_watched_by_a_program_alone(engineer: User) -> None:
    program = Caller(engineer, scopes=[*SCOPES, "write:files"])
    usual = {"end_dim": f"f_{COLUMNS - 1}", "imax": 30, "mode": "pca", "seed": 7}
    assert program.post(f"{API}/configurations/", usual).status_code == 201
    press = program.post(f"{API}/datasets/", {"name": "Press 3"})["Location"]
    condition = {"metric": "severity", "op": "gte", "value": "high"}
    rule = {"dataset_id": program.get(press).json()["id"], "name": "Far", "condition": condition}
    made_rule = program.post(f"{API}/alert-rules/", rule)["Location"]
    healthy = handed_in(program, csv(cloud(120, COLUMNS)), "healthy.csv")

    made = done(program, f"{press}fit/", file_id=healthy)

    told = program.get(f"{API}/maps/{made['map_id']}/").json()
    assert (told["row_count"], told["takes_samples"], told["calibration_count"]) == (120, True, 120)
    assert 0 < told["quality"]["stress"] < 1
    table = program.get(f"{API}/maps/{made['map_id']}/points/", Accept="text/csv").content
    assert len(table.splitlines()) == 121

    rows = cloud(20, COLUMNS, 5)
    rows[-2:, 3] += 40
    placed = done(program, f"{press}place/", file_id=handed_in(program, csv(rows), "night.csv"))

    assert placed["results"]["severities"]["critical"] == 2
    query = {"analysis_id": placed["id"], "severity": "critical"}
    bad = program.get(f"{API}/anomalies/", query).json()["results"]
    assert {row["file_row"] for row in bad} == {19, 20}
    assert {row["features"][0]["name"] for row in bad} == {"f_3"}
    assert {row["metadata"]["segID"] for row in bad} == {"19", "20"}
    samples = program.get(f"{API}/monitor-samples/", query).json()["results"]
    assert [row["number"] for row in samples] == [20, 19]
    assert samples[0]["score"] == bad[0]["distance"]
    tried = program.post(f"{made_rule}dry-run/").json()
    assert (tried["analyses"], tried["samples"], tried["fired"]) == (1, 20, 1)
    assert (tried["firings"][0]["severity"], tried["firings"][0]["count"]) == ("critical", 2)
    assert program.get(f"{API}/performance-metrics/").json()["results"]
