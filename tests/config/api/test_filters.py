"""Filters and other query parameters: nothing is ignored, nothing absurd reaches the database."""

from __future__ import annotations

import pytest

from tests.config.api.conftest import Caller
from tests.config.api.test_problems import problem_in
from tests.factories import make_image, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.api.urls")]

LIST = "/api/v1/pictures/"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stauts", "pending"),
        ("format", "xml"),
        ("page", "2"),
        ("analysis_status", "lost"),
        ("analysis_status", ""),
        ("mime_type", "image/\x00jpeg"),
        ("mime_type", "x" * 3000),
        ("user", "7"),
        ("user", "00000000-0000-0000-0000-00000000000g"),
        ("file_size", "many"),
        ("file_size", "1e9"),
        ("file_size", str(2**63)),
        ("file_size", "9" * 5000),
        ("file_size", "٣"),
        ("weight_above", "NaN"),
        ("weight_above", "Infinity"),
        ("weight_above", "1e999999999"),
        ("weight_above", "1" * 40),
        ("made_after", "yesterday"),
        ("made_after", "2026-11-21T14:05:00"),
        ("made_after", "2026-13-41T14:05:00Z"),
        ("made_after", "0001-01-01T00:00:00+23:59"),
        ("made_after", "9999-12-31T23:59:59-23:59"),
        ("made_on", "21.11.2026"),
        ("made_on", "9999-12-31"),
        ("made_on", "0001-01-01"),
        ("double", "perhaps"),
        ("is_duplicate", "1"),
    ],
)
def test_what_a_filter_cannot_take_is_refused_by_name(
    caller: Caller, name: str, value: str
) -> None:
    told = problem_in(caller().get(LIST, {name: value}), 400, "invalid-input")

    assert [error["field"] for error in told["errors"]] == [name]


def test_every_wrong_parameter_is_named_at_once(caller: Caller) -> None:
    told = problem_in(caller().get(f"{LIST}?a=1&b=2"), 400, "invalid-input")

    assert [error["field"] for error in told["errors"]] == ["a", "b"]
    assert told["detail"] == "2 values are not valid."
    assert "analysis_status, cursor, double" in told["errors"][0]["detail"]


def test_a_parameter_given_twice_is_refused(caller: Caller) -> None:
    told = problem_in(caller().get(f"{LIST}?limit=1&limit=2"), 400, "invalid-input")

    assert told["detail"] == "limit: The parameter is given more than once."


def test_a_name_with_nul_is_refused(caller: Caller) -> None:
    told = problem_in(caller().get(f"{LIST}?%00a=1"), 400, "invalid-input")

    assert told["errors"][0]["field"] == "a"


def test_one_row_takes_no_filters(caller: Caller) -> None:
    image = make_image()

    told = problem_in(caller().get(f"{LIST}{image.pk}/?limit=1"), 400, "invalid-input")
    assert told["detail"].endswith("It takes none.")


def test_a_plain_view_takes_what_it_names(caller: Caller) -> None:
    assert caller().get("/api/v1/echo/?word=a").json() == {"word": "a"}
    problem_in(caller().get("/api/v1/echo/?words=a"), 400, "invalid-input")


def test_filters_find_what_they_say(caller: Caller) -> None:
    user = make_user()
    one = make_image(
        user=user, file_size=10, mime_type="image/png", created_at="2026-11-20T23:30:00Z"
    )
    two = make_image(user=user, file_size=20, created_at="2026-11-21T10:00:00Z")
    client = caller()

    def found(**asked: str) -> set[str]:
        return {row["id"] for row in client.get(LIST, asked).json()["results"]}

    assert found(mime_type="image/png") == {str(one.pk)}
    assert found(file_size="20") == {str(two.pk)}
    assert found(weight_above="10.5") == {str(two.pk)}
    assert found(made_after="2026-11-21T00:00:00+00:00") == {str(two.pk)}
    assert found(made_after="2026-11-21T00:30:00+01:00") == {str(one.pk), str(two.pk)}
    assert found(made_on="2026-11-20") == {str(one.pk)}
    assert found(double="true") == set()
    assert found(double="false", user=str(user.pk)) == {str(one.pk), str(two.pk)}
    assert found(user=str(make_user().pk)) == set()


def test_a_plus_that_arrives_as_a_space_is_understood(caller: Caller) -> None:
    make_image(created_at="2026-11-21T10:00:00Z")

    answer = caller().get(f"{LIST}?made_after=2026-11-21T10:30:00+01:00").json()

    assert len(answer["results"]) == 1


@pytest.mark.parametrize("offset", ["%2B23:59", "-23:59", "%2B16:00", "-15:59", "Z"])
def test_every_offset_of_iso_8601_is_understood(caller: Caller, offset: str) -> None:
    """PostgreSQL reads those below 16 hours alone."""
    answer = caller().get(f"{LIST}?made_after=2026-11-21T10:30:00{offset}")

    assert answer.status_code == 200
