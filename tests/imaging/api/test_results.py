"""Results in force and earlier ones: lists, reading, notes, anomalies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import Entry
from imaging.actions import jobs
from imaging.models import AnalysisResult, AnalysisResultHistory, Image
from tests.factories import make_image, make_result, make_user
from tests.imaging.admin.conftest import run_job
from tests.imaging.api.conftest import CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db

LIST = "/api/v1/results/"


def read_by(caller: Any) -> int:
    """How often the log says that this person read a result."""
    return Entry.objects.filter(action="result.viewed", actor_id=caller.user.pk).count()


def stored(column: str, value: str) -> None:
    """What plain SQL may put there."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE analysis_results SET {column} = %s", [value])


def test_a_result_is_read_whole_from_both_sides_and_noted_as_read(
    caller: CallerOf, analysed: Image
) -> None:
    result = AnalysisResult.objects.get()
    viewer = caller("viewer")

    answer = viewer.get(f"{LIST}{result.pk}/")

    told = answer.json()
    assert told["image_id"] == str(analysed.pk)
    assert told["negative_space_data"] == result.negative_space_data
    assert told["quality_metrics"] == result.quality_metrics
    assert told["algorithm_parameters"] == result.algorithm_parameters
    assert result.confidence_score is not None
    assert told["confidence_score"] == float(result.confidence_score)
    assert told["anomaly_count"] == len(told["anomalies"]) == len(result.anomalies)
    assert read_by(viewer) == 1
    assert viewer.get(f"/api/v1/images/{analysed.pk}/result/").json() == told
    assert read_by(viewer) == 2
    assert viewer.get(f"{LIST}{result.pk}/", If_None_Match=answer["ETag"]).status_code == 304
    assert read_by(viewer) == 2


def test_an_image_without_a_result_has_none(caller: CallerOf) -> None:
    answer = caller("viewer").get(f"/api/v1/images/{make_image().pk}/result/")

    problem(answer, 404, "not-found")


@pytest.fixture
def four() -> dict[str, AnalysisResult]:
    """Results that every filter tells apart, by confidence."""
    now = timezone.now()
    made = {}
    for days, (score, version, anomalies, cached) in enumerate(
        [
            ("0.9000", "ns-1", [], False),
            ("0.7000", "ns-1", [{"code": "blurred", "severity": "info"}], True),
            ("0.2000", "ns-0", [{"code": "no_figure", "severity": "critical"}], False),
            (None, "ns-0", [], False),
        ]
    ):
        made[str(score)] = make_result(
            confidence_score=score,
            algorithm_version=version,
            anomalies=anomalies,
            from_cache=cached,
            created_at=now - timedelta(days=days),
        )
    return made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [0.9, 0.7, 0.2, None]),
        ({"order": "oldest"}, [None, 0.2, 0.7, 0.9]),
        ({"order": "confidence"}, [0.9, 0.7, 0.2, None]),
        ({"order": "doubtful"}, [None, 0.2, 0.7, 0.9]),
        ({"algorithm_version": "ns-0"}, [0.2, None]),
        ({"min_confidence": "0.7"}, [0.9, 0.7]),
        ({"max_confidence": "0.7"}, [0.7, 0.2]),
        ({"has_anomalies": "true"}, [0.7, 0.2]),
        ({"has_anomalies": "false"}, [0.9, None]),
        ({"severity": "critical"}, [0.2]),
        ({"from_cache": "true"}, [0.7]),
    ],
)
def test_a_list_is_narrowed_and_ordered(
    caller: CallerOf, four: dict[str, AnalysisResult], query: Any, expected: list[float | None]
) -> None:
    rows = caller("viewer").get(LIST, query).json()["results"]

    assert [row["confidence_score"] for row in rows] == expected


def test_a_list_is_narrowed_by_image_person_and_moment(
    caller: CallerOf, four: dict[str, AnalysisResult]
) -> None:
    one = four["0.7000"]
    viewer = caller("viewer")

    for query in (
        {"image_id": str(one.image_id)},
        {"user_id": str(one.user_id)},
        {
            "analysed_after": one.created_at.isoformat(),
            "analysed_before": (one.created_at + timedelta(hours=1)).isoformat(),
        },
    ):
        (row,) = viewer.get(LIST, query).json()["results"]
        assert row["id"] == str(one.pk)
        assert (row["void_ratio"], row["anomaly_count"]) == (0.5, 1)
        assert "negative_space_data" not in row
    assert read_by(viewer) == 0


def test_pages_by_confidence_go_past_the_results_without_any(
    caller: CallerOf, four: dict[str, AnalysisResult]
) -> None:
    viewer = caller("viewer")
    found, address = [], f"{LIST}?order=doubtful&limit=1"
    while address:
        page = viewer.get(address).json()
        found += [row["confidence_score"] for row in page["results"]]
        address = page["next"]

    assert found == [None, 0.2, 0.7, 0.9]


@pytest.mark.parametrize(
    "query",
    [
        {"min_confidence": "1.5"},
        {"max_confidence": "-0.1"},
        {"min_confidence": "Infinity"},
        {"min_confidence": "0." + "1" * 100},
        {"has_anomalies": "1"},
        {"severity": "grave"},
        {"image_id": "1"},
        {"analysed_after": "0001-01-01T00:00:00Z"},
        {"confidence": "0.5"},
    ],
)
def test_what_cannot_be_taken_is_refused_by_name(caller: CallerOf, query: dict[str, str]) -> None:
    assert wrong_fields(caller("viewer").get(LIST, query)) == set(query)


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1" + "0" * 400 + ".5", "true", '"much"'])
def test_figures_that_no_number_holds_are_null(caller: CallerOf, number: str) -> None:
    result = make_result()
    stored("negative_space_data", f'{{"void_ratio": {number}, "deep": [{number}]}}')
    stored("anomalies", f'[{{"code": "blurred", "value": {number}, "limit": {number}}}, 5]')
    viewer = caller("viewer")

    (row,) = viewer.get(LIST).json()["results"]
    whole = viewer.get(f"{LIST}{result.pk}/")
    told = viewer.get(f"{LIST}{result.pk}/anomalies/")

    assert row["void_ratio"] is None
    assert whole.status_code == told.status_code == 200
    assert told.json()["results"][0]["value"] is None


def test_anomalies_are_told_in_words_the_gravest_first(caller: CallerOf) -> None:
    result = make_result(
        anomalies=[
            {"code": "blurred", "severity": "info", "value": 11.2, "limit": 20},
            {"code": "made_up", "severity": "odd"},
            {"code": "no_figure", "severity": "critical", "value": 0.0, "limit": 0.001},
        ]
    )
    viewer = caller("viewer")

    found = viewer.get(f"{LIST}{result.pk}/anomalies/").json()["results"]

    assert [one["code"] for one in found] == ["no_figure", "blurred", "made_up"]
    assert found[1]["title"] == "The picture is soft"
    assert (found[1]["value"], found[1]["limit"]) == (11.2, 20)
    assert found[2]["title"] == "Made up"
    assert read_by(viewer) == 1


def test_a_diagram_is_noted_as_reading_and_a_picture_is_not(
    caller: CallerOf, analysed: Image
) -> None:
    result = AnalysisResult.objects.get()
    viewer = caller("viewer")

    viewer.get(f"{LIST}{result.pk}/drawings/outline/")
    assert read_by(viewer) == 0
    viewer.get(f"{LIST}{result.pk}/drawings/margins/")
    assert read_by(viewer) == 1


def test_a_note_is_written_and_removed(caller: CallerOf) -> None:
    result = make_result()
    address = f"{LIST}{result.pk}/"
    analyst = caller("analyst")

    etag = analyst.get(address)["ETag"]
    written = analyst.put(f"{address}note/", {"notes": "By eye.\n"}, If_Match=etag)
    assert written.json()["notes"] == "By eye."
    assert written["ETag"] == analyst.get(address)["ETag"]
    removed = analyst.put(f"{address}note/", {"notes": None}, If_Match=written["ETag"])
    assert removed.json()["notes"] is None
    assert Entry.objects.filter(action="result.noted").count() == 2
    assert not AnalysisResultHistory.objects.exists()


def test_of_two_who_write_a_note_the_second_has_to_look_again(caller: CallerOf) -> None:
    result = make_result()
    one, other = caller("analyst"), caller("moderator")
    etag = one.get(f"{LIST}{result.pk}/")["ETag"]
    address = f"{LIST}{result.pk}/note/"

    assert one.put(address, {"notes": "first"}, If_Match=etag).status_code == 200
    problem(other.put(address, {"notes": "second"}, If_Match=etag), 412, "precondition-failed")
    problem(other.put(address, {"notes": "second"}), 428, "precondition-required")
    result.refresh_from_db()
    assert result.notes == "first"


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"notes": 5.5e400}',
        '{"notes": "\\u0000"}',
        '{"notes": []}',
        '{"notes": "", "id": 1}',
        f'{{"notes": "{"x" * 10_001}"}}',
    ],
)
def test_a_note_that_cannot_be_kept_is_refused(caller: CallerOf, body: str) -> None:
    result = make_result()

    answer = caller("analyst").put(f"{LIST}{result.pk}/note/", body, If_Match="*")

    problem(answer, 400, "invalid-input")


def test_earlier_results_are_listed_and_read_with_their_drawings(
    caller: CallerOf, analysed: Image
) -> None:
    before = AnalysisResult.objects.get()
    job = jobs.request(analysed, by=make_user("analyst"), parameters={"method": "luma"})
    run_job(job)
    viewer = caller("viewer")

    (row,) = viewer.get("/api/v1/earlier-results/", {"image_id": str(analysed.pk)}).json()[
        "results"
    ]
    assert row["result_id"] == str(before.pk)
    assert row["algorithm_fingerprint"] == before.algorithm_fingerprint
    address = f"/api/v1/earlier-results/{row['id']}/"
    told = viewer.get(address).json()
    assert told["negative_space_data"] == before.negative_space_data
    assert read_by(viewer) == 1
    assert viewer.get(f"{address}anomalies/").status_code == 200
    for name in ("outline", "margins"):
        assert viewer.get(f"{address}drawings/{name}/").status_code == 200
    assert told["superseded_at"] == row["superseded_at"]
    assert viewer.get("/api/v1/earlier-results/", {"max_confidence": "0"}).json()["results"] == []
