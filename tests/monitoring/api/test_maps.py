"""Maps through the API: how good they are, and where their rows lie."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from monitoring.models import Dataset
from tests.factories import make_analysis, make_map
from tests.imaging.api.conftest import Caller, problem, wrong_fields
from tests.monitoring.api.test_datasets import usable_map

pytestmark = pytest.mark.django_db
MAPS = "/api/v1/maps/"


def test_a_map_tells_its_quality_and_its_features(program: Caller, press: Dataset) -> None:
    made = usable_map(press)

    told = program.get(f"{MAPS}{made.pk}/").json()

    assert told["quality"] == {
        "stress": 0.1,
        "trustworthiness": 0.9,
        "correlation": 0.8,
        "rows": 3,
    }
    assert (told["features"], told["feature_count"]) == (["f_0", "f_1"], 2)
    assert (told["takes_samples"], told["calibration_count"]) == (True, 120)
    assert not {"x_values", "baseline", "detector"} & told.keys()


def test_maps_are_filtered_and_listed_without_their_features(
    program: Caller, press: Dataset, engineer: User
) -> None:
    made, brought = usable_map(press), make_map(engineer)

    for query, keys in {
        "": [brought.pk, made.pk],
        f"dataset_id={press.pk}": [made.pk],
        f"file_id={brought.file_upload_id}": [brought.pk],
        f"configuration_id={made.config_id}": [made.pk],
        "order=oldest&limit=1": [made.pk],
    }.items():
        found = program.get(f"{MAPS}?{query}").json()["results"]
        assert [row["id"] for row in found] == [str(key) for key in keys], query
    assert "features" not in found[0]
    assert program.get(f"{MAPS}{brought.pk}/").json()["quality"] is None


def test_the_points_come_in_pages(program: Caller, engineer: User) -> None:
    made = make_map(engineer)
    one = f"{MAPS}{made.pk}/points/"

    whole = program.get(one)

    points = [{"row": 1, "x": 0.0, "y": 0.0}, {"row": 2, "x": 1.0, "y": 0.0}]
    points.append({"row": 3, "x": 0.5, "y": 1.0})
    assert whole.json() == {"results": points, "next": None, "previous": None}
    assert program.get(one, If_None_Match=whole["ETag"]).status_code == 304
    page = program.get(f"{one}?count=2").json()
    assert page["results"] == points[:2]
    after = program.get(page["next"]).json()
    assert (after["results"], after["next"]) == (points[2:], None)
    assert program.get(after["previous"]).json() == page
    assert program.get(f"{one}?first=4").json()["results"] == []


def test_the_points_come_as_a_table_too(program: Caller, engineer: User) -> None:
    one = f"{MAPS}{make_map(engineer).pk}/points/"

    table = program.get(f"{one}?first=2", Accept="text/csv")

    assert table["Content-Type"] == "text/csv; charset=utf-8"
    assert table["Content-Disposition"].startswith('attachment; filename="map-')
    assert table.content == b"row,x,y\n2,1.0,0.0\n3,0.5,1.0\n"
    problem(program.get(f"{one}?first=0", Accept="text/csv"), 400, "invalid-input")


@pytest.mark.parametrize("query", ["first=0", "count=0", "count=10001", "first=x", "rows=3"])
def test_a_page_of_points_that_cannot_be_is_refused(
    program: Caller, engineer: User, query: str
) -> None:
    made = make_map(engineer)

    wrong = wrong_fields(program.get(f"{MAPS}{made.pk}/points/?{query}"))

    assert wrong == {query.partition("=")[0]}


def test_a_point_beyond_any_number_is_null(program: Caller, engineer: User) -> None:
    made: Any = make_map(engineer, x_values=[float("nan"), 1.0, 2.0])

    told = program.get(f"{MAPS}{made.pk}/points/").json()["results"]

    assert told[0] == {"row": 1, "x": None, "y": 0.0}


def test_a_map_of_somebody_else_is_not_there(program: Caller) -> None:
    foreign = make_analysis().dinsight
    assert foreign is not None

    for part in ("", "points/"):
        problem(program.get(f"{MAPS}{foreign.pk}/{part}"), 404, "not-found")
