"""The parameters of maps through the API."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.models import EXPLAINED, MapConfig
from tests.imaging.api.conftest import Caller, CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db
CONFIGS = "/api/v1/configurations/"


def test_the_documented_defaults_are_in_force_at_first(program: Caller) -> None:
    told = program.get(f"{CONFIGS}newest/").json()

    assert (told["alpha"], told["imax"], told["mode"]) == (0.1, 1000, "kanadaSan")
    assert told["created_by_id"] is None
    assert EXPLAINED.keys() <= told.keys()


def test_a_new_version_is_put_in_force_and_the_old_one_is_kept(program: Caller) -> None:
    first = program.get(f"{CONFIGS}newest/").json()

    made = program.post(CONFIGS, {"end_dim": "f_511", "a": 1})

    assert made.status_code == 201
    told = made.json()
    assert made["Location"] == f"{CONFIGS}{told['id']}/"
    assert (told["end_dim"], told["a"], told["imax"]) == ("f_511", 1.0, first["imax"])
    assert len(told["warnings"]) == 1
    assert told["created_by_id"] is not None
    assert program.get(f"{CONFIGS}newest/").json() == told
    assert [row["id"] for row in program.get(CONFIGS).json()["results"]] == [
        told["id"],
        first["id"],
    ]
    assert program.get(f"{CONFIGS}{first['id']}/").json() == first


def test_what_is_in_force_already_makes_no_version(program: Caller) -> None:
    program.get(f"{CONFIGS}newest/")

    again = program.post(CONFIGS, {"imax": 1000})

    assert again.status_code == 200
    assert again["Content-Location"] == f"{CONFIGS}{again.json()['id']}/"
    assert MapConfig.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"alpha": 0, "imax": 0, "beta": 1}, {"alpha", "imax", "beta"}),
        ({"lowdim": 3}, {"lowdim"}),
        ({"optimizer": "lbfgs"}, {"optimizer"}),
        ({"alarm_level": 1.5}, {"alarm_level"}),
        ({"alpha": "0.1"}, {"alpha"}),
        ({"alpha": True}, {"alpha"}),
        ({"imax": 2.5}, {"imax"}),
        ({"gamma": 1}, {"gamma"}),
        ({"end_dim": ""}, {"end_dim"}),
        ({"group_column": "f_0"}, {"group_column"}),
    ],
)
def test_everything_that_is_wrong_is_told_at_once_by_parameter(
    program: Caller, said: dict[str, Any], fields: set[str]
) -> None:
    assert wrong_fields(program.post(CONFIGS, said)) == fields
    assert MapConfig.objects.count() <= 1


def test_a_program_of_the_api_reads_them_alone(caller: CallerOf) -> None:
    machine = caller("api_user", scopes=["read:datasets", "configure:maps"])

    assert machine.get(f"{CONFIGS}newest/").status_code == 200
    problem(machine.post(CONFIGS, {"imax": 10}), 403, "not-allowed")
    problem(caller("analyst", scopes=["read:datasets"]).post(CONFIGS, {}), 403, "scope-missing")
    problem(machine.get(f"{CONFIGS}99999999999999999999/"), 404, "not-found")
