"""Anomalies through the API, and who has seen them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from monitoring.models import Anomaly, Dataset
from tests.factories import make_analysis, make_anomaly
from tests.imaging.api.conftest import Caller, problem, wrong_fields

pytestmark = pytest.mark.django_db
ANOMALIES = "/api/v1/anomalies/"


def test_an_anomaly_says_why(program: Caller, press: Dataset) -> None:
    made = make_anomaly(make_analysis(press), severity="high", x=1.5)

    told = program.get(f"{ANOMALIES}{made.pk}/").json()

    assert (told["severity"], told["distance"], told["x"], told["y"]) == ("high", 2.5, 1.5, None)
    assert told["features"] == [{"name": "f_0", "value": 7.5, "deviation": 4.2}]
    assert (told["metadata"], told["sample_number"]) == ({"name": "a"}, made.process_order)
    assert (told["acknowledged"], told["acknowledged_by_id"]) == (False, None)


def test_anomalies_are_filtered(program: Caller, press: Dataset) -> None:
    analysis = make_analysis(press)
    low, high = make_anomaly(analysis), make_anomaly(analysis, severity="high", off_map=True)
    make_anomaly()

    for query, keys in {
        "": [high, low],
        "order=oldest&limit=1": [low],
        "severity=high&severity=critical": [high],
        "off_map=false": [low],
        "acknowledged=true": [],
        f"dataset_id={press.pk}&analysis_id={analysis.pk}": [high, low],
        "until=2001-01-01T00:00:00Z": [],
        "since=2001-01-01T00:00:00Z&limit=1": [high],
    }.items():
        found = program.get(f"{ANOMALIES}?{query}").json()["results"]
        assert [row["id"] for row in found] == [str(row.pk) for row in keys], query
    assert wrong_fields(program.get(f"{ANOMALIES}?severity=none")) == {"severity"}


def test_the_first_who_has_seen_it_is_noted(
    program: Caller, press: Dataset, engineer: User
) -> None:
    one = f"{ANOMALIES}{make_anomaly(make_analysis(press)).pk}/"
    etag = program.get(one)["ETag"]
    assert program.get(one, If_None_Match=etag).status_code == 304

    told = program.post(f"{one}acknowledge/").json()

    assert (told["acknowledged"], told["acknowledged_by_id"]) == (True, str(engineer.pk))
    assert program.get(one, If_None_Match=etag).json() == told
    problem(program.post(f"{one}acknowledge/"), 409, "conflict")


def test_many_are_seen_at_once_and_those_of_others_are_left(
    program: Caller, press: Dataset
) -> None:
    analysis, foreign = make_analysis(press), make_anomaly()
    keys = [str(make_anomaly(analysis).pk) for _ in range(3)]
    program.post(f"{ANOMALIES}{keys[0]}/acknowledge/")

    told = program.post(f"{ANOMALIES}acknowledge/", {"anomaly_ids": [*keys, str(foreign.pk)]})

    assert told.json() == {"acknowledged": 2}
    assert Anomaly.objects.filter(acknowledged=True).count() == 3
    assert wrong_fields(program.post(f"{ANOMALIES}acknowledge/", {})) == {"anomaly_ids"}
    assert wrong_fields(program.post(f"{ANOMALIES}acknowledge/", {"anomaly_ids": []})) == {
        "anomaly_ids"
    }


def test_features_that_were_brought_in_another_form_are_left_out(
    program: Caller, press: Dataset
) -> None:
    made = make_anomaly(
        make_analysis(press), features={"f_0": 1}, timestamp=timezone.now() - timedelta(seconds=1)
    )

    assert program.get(f"{ANOMALIES}{made.pk}/").json()["features"] == []
