"""Finding images: filters, orders, pages, one by its key or hash, those that look alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from imaging.models import Image
from tests.factories import make_image, make_user
from tests.imaging.api.conftest import CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db

LIST = "/api/v1/images/"


def names(answer: Any) -> list[str]:
    """The file names on the page, in order."""
    assert answer.status_code == 200, answer.json()
    return [row["file_name"] for row in answer.json()["results"]]


@pytest.fixture
def three() -> list[Image]:
    """Three images, the oldest first, that every filter tells apart."""
    one, other = make_user("analyst"), make_user("analyst")
    now = timezone.now()
    return [
        make_image(
            user=user,
            file_name=name,
            file_size=size,
            mime_type=kind,
            image_dimensions={"width": width, "height": 100},
            analysis_status=status,
            is_duplicate=status == "failed",
            uploaded_at=now - timedelta(days=days),
            created_at=now - timedelta(days=days),
        )
        for user, name, size, kind, width, status, days in (
            (one, "Barn.png", 30, "image/png", 640, "pending", 3),
            (other, "arch 50%.jpg", 10, "image/jpeg", 1280, "completed", 2),
            (other, "cliff.jpg", 20, "image/jpeg", 320, "failed", 1),
        )
    ]


def test_a_list_has_the_documented_columns_and_moments_in_utc(
    caller: CallerOf, three: list[Image]
) -> None:
    row = caller("viewer").get(LIST).json()["results"][0]

    image = Image.objects.get(pk=three[2].pk)
    assert row["id"] == str(image.pk)
    assert row["user_id"] == str(image.user_id)
    assert row["file_hash"] == image.file_hash
    assert row["image_dimensions"] == {"width": 320, "height": 100}
    assert row["uploaded_at"] == f"{image.uploaded_at:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert row["links"]["preview"] == f"/api/v1/images/{image.pk}/preview/"
    assert "metadata" not in row


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "pending"}, ["Barn.png"]),
        ({"status": ["pending", "failed"]}, ["cliff.jpg", "Barn.png"]),
        ({"mime_type": "image/png"}, ["Barn.png"]),
        ({"is_duplicate": "true"}, ["cliff.jpg"]),
        ({"is_duplicate": "false"}, ["arch 50%.jpg", "Barn.png"]),
        ({"min_width": "640"}, ["arch 50%.jpg", "Barn.png"]),
        ({"max_width": "640"}, ["cliff.jpg", "Barn.png"]),
        ({"min_width": "321", "max_width": "1279"}, ["Barn.png"]),
        ({"min_height": "101"}, []),
        ({"name": "CLIFF"}, ["cliff.jpg"]),
        ({"name": "50%"}, ["arch 50%.jpg"]),
        ({"name": "_"}, []),
        ({"name": "'; DROP"}, []),
        ({"order": "oldest"}, ["Barn.png", "arch 50%.jpg", "cliff.jpg"]),
        ({"order": "largest"}, ["Barn.png", "cliff.jpg", "arch 50%.jpg"]),
        ({"order": "smallest"}, ["arch 50%.jpg", "cliff.jpg", "Barn.png"]),
    ],
)
def test_a_list_is_narrowed_and_ordered(
    caller: CallerOf, three: list[Image], query: Any, expected: list[str]
) -> None:
    assert names(caller("viewer").get(LIST, query)) == expected


def test_a_list_is_narrowed_by_person_moment_and_hash(caller: CallerOf, three: list[Image]) -> None:
    viewer = caller("viewer")
    barn, arch, cliff = three
    at = arch.uploaded_at.isoformat()

    assert names(viewer.get(LIST, {"uploaded_by": str(barn.user_id)})) == ["Barn.png"]
    assert names(viewer.get(LIST, {"uploaded_after": at})) == ["cliff.jpg", "arch 50%.jpg"]
    assert names(viewer.get(LIST, {"uploaded_before": at})) == ["Barn.png"]
    for text in (cliff.file_hash, cliff.file_hash[:8].upper()):
        assert names(viewer.get(LIST, {"hash": text})) == ["cliff.jpg"]
    assert sorted(names(viewer.get(LIST, {"order": "name"}))) == sorted(
        one.file_name for one in three
    )


@pytest.mark.parametrize(
    "query",
    [
        {"status": "lost"},
        {"uploaded_by": "me"},
        {"uploaded_after": "yesterday"},
        {"uploaded_before": "2026-11-21T10:00:00"},
        {"is_duplicate": "maybe"},
        {"min_width": "-1"},
        {"max_width": "9" * 30},
        {"min_height": "1e5"},
        {"max_height": "NaN"},
        {"hash": "xyz"},
        {"hash": "abc"},
        {"name": "a\x00b"},
        {"mime_type": ""},
        {"order": "best"},
        {"limit": "201"},
        {"colour": "red"},
    ],
)
def test_what_cannot_be_taken_is_refused_by_name(caller: CallerOf, query: dict[str, str]) -> None:
    assert wrong_fields(caller("viewer").get(LIST, query)) == set(query)


def test_sides_that_are_no_numbers_match_no_filter(caller: CallerOf) -> None:
    for width in ("true", '"900"', "null", "[900]", "1" + "0" * 400):
        image = make_image()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE images SET image_dimensions = %s WHERE id = %s",
                [f'{{"width": {width}}}', image.pk],
            )
    viewer = caller("viewer")

    assert names(viewer.get(LIST, {"min_width": "1"})) == []
    assert names(viewer.get(LIST, {"max_width": "1000000000"})) == []
    rows = viewer.get(LIST).json()["results"]
    assert rows[0]["image_dimensions"] == {"width": None}  # beyond 64 bits


def test_pages_follow_each_other_with_their_filter(caller: CallerOf) -> None:
    for number in range(5):
        make_image(file_name=f"kept {number}.jpg")
        make_image(file_name=f"other {number}.jpg")
    viewer = caller("viewer")

    found: list[str] = []
    answer = viewer.get(LIST, {"limit": "2", "name": "kept"})
    while True:
        found += names(answer)
        if answer.json()["next"] is None:
            break
        answer = viewer.get(answer.json()["next"])
    assert found == [f"kept {number}.jpg" for number in reversed(range(5))]
    problem(viewer.get(LIST, {"cursor": "n.forged"}), 400, "wrong-cursor")


@pytest.mark.parametrize(
    "path",
    [
        "images",
        "results",
        "earlier-results",
        "analysis-jobs",
        "cached-results",
        "reports/image-analysis-status",
        "reports/duplicate-images-report",
    ],
)
def test_a_longer_list_asks_no_more_of_the_database(
    caller: CallerOf, path: str, rows_of_every_kind: Any
) -> None:
    viewer = caller("viewer")
    counts = []
    for rows in (1, 6):
        rows_of_every_kind(rows)
        viewer.get(f"/api/v1/{path}/")
        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = viewer.get(f"/api/v1/{path}/")
        assert len(answer.json()["results"]) >= rows
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_one_image_is_read_with_what_is_noted_of_it(caller: CallerOf) -> None:
    image = make_image(metadata={"room": "north hall", "levels": [1, 2.5]})
    viewer = caller("viewer")

    answer = viewer.get(f"{LIST}{image.pk}/")
    assert answer.json()["metadata"] == {"room": "north hall", "levels": [1, 2.5]}
    assert viewer.get(f"{LIST}{image.pk}/", If_None_Match=answer["ETag"]).status_code == 304
    by_hash = viewer.get(f"{LIST}by-hash/{image.file_hash.upper()}/")
    assert by_hash.json() == answer.json()
    assert by_hash["Content-Location"] == f"{LIST}{image.pk}/"


@pytest.mark.parametrize(
    "path",
    [
        "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10/",
        "not-a-key/",
        f"by-hash/{'0' * 64}/",
        "by-hash/%00/",
        "by-hash/" + "a" * 5000 + "/",
    ],
)
def test_what_is_not_there_is_not_found(caller: CallerOf, path: str) -> None:
    problem(caller("viewer").get(LIST + path), 404, "not-found")


def test_images_that_look_alike_are_told_with_their_distance(caller: CallerOf) -> None:
    image = make_image(perceptual_hash=0b1111)
    near = make_image(perceptual_hash=0b1110)
    nearer = make_image(perceptual_hash=0b1111)
    far = make_image(perceptual_hash=0b1111 << 20)
    address = f"{LIST}{image.pk}/near-duplicates/"
    viewer = caller("viewer")

    found = viewer.get(address).json()["results"]
    assert [(one["distance"], one["image"]["id"]) for one in found] == [
        (0, str(nearer.pk)),
        (1, str(near.pk)),
    ]
    wider = viewer.get(address, {"max_distance": "8", "limit": "3"}).json()["results"]
    assert [one["image"]["id"] for one in wider][-1] == str(far.pk)
    assert len(viewer.get(address, {"limit": "1"}).json()["results"]) == 1
    even = make_image(perceptual_hash=None)
    assert viewer.get(f"{LIST}{even.pk}/near-duplicates/").json() == {"results": []}


@pytest.mark.parametrize(
    "query",
    [{"max_distance": "17"}, {"max_distance": "-1"}, {"limit": "0"}, {"limit": "9" * 5000}],
)
def test_a_distance_that_means_nothing_is_refused_by_name(
    caller: CallerOf, query: dict[str, str]
) -> None:
    answer = caller("viewer").get(f"{LIST}{make_image().pk}/near-duplicates/", query)

    assert wrong_fields(answer) == set(query)
