"""Datasets, and what is asked for with a file of one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from accounts.models import User
from database.models import SystemSetting
from monitoring.models import Analysis, BaselineMap, Dataset, MapConfig
from tests.factories import make_analysis, make_dataset, make_file, make_map, make_user
from tests.imaging.api.conftest import Caller, CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db
DATASETS = "/api/v1/datasets/"
_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def address(dataset: Dataset, verb: str = "") -> str:
    """Of the dataset, or of something to be done with it."""
    return f"{DATASETS}{dataset.pk}/{verb}"


def short_config(**fields: Any) -> MapConfig:
    """Parameters that fit the files of the factory."""
    return MapConfig.objects.create(end_meta="name", end_dim="f_1", **fields)


def usable_map(press: Dataset) -> BaselineMap:
    """A map of the press that takes samples, as far as asking can see."""
    file = make_file(press.user)
    made = make_map(
        config=short_config(),
        file_upload=file,
        baseline=b"",
        baseline_sha256=_NOTHING,
        detector=b"",
        detector_sha256=_NOTHING,
        anchor_count=3,
        cost=0.1,
        iterations=3,
        stop_reason="converged",
        stress=0.1,
        trustworthiness=0.9,
        correlation=0.8,
        quality_rows=3,
        calibrated="leave-one-out",
        calibration_count=120,
    )
    make_analysis(press, analysis_type="fit", dinsight=made, file_upload=file)
    return made


def test_a_dataset_is_made_found_and_changed(program: Caller, engineer: User) -> None:
    said = {"name": "  Press 4 ", "tags": ["hall 2", "hall 2"], "metadata": {"built": 2011}}

    made = program.post(DATASETS, said)

    assert made.status_code == 201
    told = made.json()
    assert made["Location"] == f"{DATASETS}{told['id']}/"
    assert (told["name"], told["tags"], told["metadata"]) == (
        "Press 4",
        ["hall 2"],
        {"built": 2011},
    )
    assert (told["user_id"], told["description"]) == (str(engineer.pk), "")
    read = program.get(made["Location"])
    assert read.json() == told
    assert program.get(made["Location"], If_None_Match=read["ETag"]).status_code == 304
    changes = {"description": "Moved.", "tags": []}
    problem(program.patch(made["Location"], changes), 428, "precondition-required")
    problem(program.patch(made["Location"], changes, If_Match='"x"'), 412, "precondition-failed")
    changed = program.patch(made["Location"], changes, If_Match=read["ETag"])
    assert changed.json() == told | changes | {"updated_at": changed.json()["updated_at"]}
    assert changed["ETag"] != read["ETag"]


def test_the_same_request_makes_one_dataset(program: Caller) -> None:
    first, second = (
        program.post(DATASETS, {"name": "Press"}, Idempotency_Key="night-shift") for _ in range(2)
    )

    assert first.json()["id"] == second.json()["id"]
    assert second["Idempotency-Replayed"] == "true"
    assert Dataset.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({}, {"name"}),
        ({"name": " "}, {"name"}),
        ({"name": "a" * 256}, {"name"}),
        ({"name": "a", "tags": "hall"}, {"tags"}),
        ({"name": "a", "tags": ["a" * 101]}, {"tags.0"}),
        ({"name": "a", "metadata": []}, {"metadata"}),
        ({"name": "a", "is_active": False}, {"is_active"}),
        ({"name": "a", "user_id": "01936f00-0000-7000-8000-000000000001"}, {"user_id"}),
    ],
)
def test_what_is_no_dataset_is_refused_by_field(
    program: Caller, said: dict[str, Any], fields: set[str]
) -> None:
    assert wrong_fields(program.post(DATASETS, said)) == fields
    assert not Dataset.objects.exists()


def test_an_admin_makes_a_dataset_for_somebody(caller: CallerOf, engineer: User) -> None:
    body = {"name": "Press", "user_id": str(engineer.pk)}

    made = caller("admin").post(DATASETS, body)

    assert made.json()["user_id"] == str(engineer.pk)
    assert wrong_fields(caller("analyst").post(DATASETS, body)) == {"user_id"}


def test_datasets_are_filtered(program: Caller, press: Dataset, engineer: User) -> None:
    make_dataset(engineer, name="Lathe", is_active=False)
    make_dataset()

    for query, names in {
        "": ["Lathe", "Press 3"],
        "name=PRESS": ["Press 3"],
        "tag=hall 2": ["Press 3"],
        "tag=hall": [],
        "is_active=false": ["Lathe"],
        "order=name&limit=1": ["Lathe"],
        "created_before=2001-01-01T00:00:00Z": [],
        f"user_id={uuid4()}": [],
    }.items():
        found = program.get(f"{DATASETS}?{query}").json()["results"]
        assert [row["name"] for row in found] == names, query
    assert wrong_fields(program.get(f"{DATASETS}?owner=me")) == {"owner"}


def test_what_is_noted_is_shown_where_it_is_sealed(program: Caller) -> None:
    SystemSetting.objects.create(setting_key="encrypt_dataset_metadata", setting_value=True)

    made = program.post(DATASETS, {"name": "Press", "metadata": {"code": "x7"}})

    assert made.json()["metadata"] == {"code": "x7"}
    assert Dataset.objects.get().metadata == {}


def test_a_dataset_is_put_away_and_used_again(program: Caller, press: Dataset) -> None:
    assert program.post(address(press, "archive/")).json()["is_active"] is False
    body = {"file_id": str(make_file(press.user).pk)}
    assert (
        "put away" in problem(program.post(address(press, "fit/"), body), 409, "conflict")["detail"]
    )
    assert program.post(address(press, "reopen/")).json()["is_active"] is True


def test_a_map_is_asked_for_once(program: Caller, press: Dataset) -> None:
    config, file = short_config(), make_file(press.user)
    body = {"file_id": str(file.pk), "configuration_id": config.pk, "priority": 8}

    made, again = (program.post(address(press, "fit/"), body) for _ in range(2))

    assert (made.status_code, again.status_code) == (201, 200)
    told = made.json()
    assert made["Location"] == again["Content-Location"] == f"/api/v1/analyses/{told['id']}/"
    assert (told["status"], told["analysis_type"], told["priority"]) == ("pending", "fit", 8)
    assert (told["file_id"], told["configuration_id"]) == (str(file.pk), config.pk)
    assert again.json() == told
    assert program.get(made["Location"]).json() == told


def test_samples_are_placed_on_the_map_that_was_made_last(program: Caller, press: Dataset) -> None:
    made, file = usable_map(press), make_file(press.user)

    told = program.post(
        address(press, "place/"), {"file_id": str(file.pk), "alarm_level": 0.05}
    ).json()

    assert (told["map_id"], told["alarm_level"]) == (str(made.pk), 0.05)
    assert told["analysis_type"] == "place"


@pytest.mark.parametrize(
    ("verb", "said", "fields"),
    [
        ("fit/", {}, {"file_id"}),
        ("fit/", {"file_id": str(uuid4())}, {"file_id"}),
        ("fit/", {"file_id": 5}, {"file_id"}),
        ("fit/", {"configuration_id": 2_000_000_000}, {"configuration_id"}),
        ("fit/", {"priority": 11}, {"priority"}),
        ("fit/", {"again": True}, {"again"}),
        ("place/", {"map_id": str(uuid4())}, {"map_id"}),
        ("place/", {"alarm_level": 1}, {"alarm_level"}),
        ("place/", {"alarm_level": "0.1"}, {"alarm_level"}),
    ],
)
def test_what_cannot_be_asked_is_refused_by_field(
    program: Caller, press: Dataset, verb: str, said: dict[str, Any], fields: set[str]
) -> None:
    body = said if "file_id" in fields else {"file_id": str(make_file(press.user).pk)} | said

    assert wrong_fields(program.post(address(press, verb), body)) == fields
    assert not Analysis.objects.exists()


def test_what_does_not_fit_is_a_conflict_that_says_why(program: Caller, press: Dataset) -> None:
    file = {"file_id": str(make_file(press.user).pk)}

    told = problem(program.post(address(press, "place/"), file), 409, "conflict")
    assert told["detail"].startswith("Press 3 has no map yet.")
    told = problem(program.post(address(press, "fit/"), file), 409, "conflict")
    assert "there is no column" in told["detail"]


def test_a_file_or_map_of_somebody_else_is_not_there(program: Caller, press: Dataset) -> None:
    usable_map(press)
    foreign = make_map(make_user("analyst"))

    answer = program.post(address(press, "place/"), {"file_id": str(foreign.file_upload_id)})
    assert wrong_fields(answer) == {"file_id"}
    body = {"file_id": str(make_file(press.user).pk), "map_id": str(foreign.pk)}
    assert wrong_fields(program.post(address(press, "place/"), body)) == {"map_id"}


def test_analyses_are_filtered_and_steered(program: Caller, press: Dataset) -> None:
    usable_map(press)
    body = {"file_id": str(make_file(press.user).pk)}
    job = program.post(address(press, "place/"), body).json()
    one = f"/api/v1/analyses/{job['id']}/"

    for query, count in {
        "": 2,
        f"dataset_id={press.pk}&status=pending&status=failed": 1,
        "analysis_type=fit": 1,
        f"map_id={job['map_id']}": 2,
        f"file_id={job['file_id']}": 1,
        "order=oldest&limit=1": 1,
    }.items():
        assert len(program.get(f"/api/v1/analyses/?{query}").json()["results"]) == count, query
    problem(program.post(f"{one}retry/"), 409, "conflict")
    etag = program.get(one)["ETag"]
    assert program.post(f"{one}cancel/").json()["status"] == "cancelled"
    assert program.get(one, If_None_Match=etag).status_code == 200
    problem(program.post(f"{one}cancel/"), 409, "conflict")
