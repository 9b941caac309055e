"""Annotations on their way out of the database."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from accounts.models import User
from annotations.actions import exchange
from annotations.exchange import records
from annotations.exchange.formats import FORMATS
from annotations.exchange.records import Picture
from annotations.models import Annotation, RejectionReason, ReviewStage, ReviewStatus
from database.actor import acting_as
from imaging.models import Image
from tests.annotations.exchange.conftest import Export
from tests.annotations.exchange.drawing import read
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db
Images = Sequence[Image]


def labels(data: bytes) -> dict[str, list[str]]:
    """The labels of a CSV export by file name."""
    return {
        each.image.file_name: sorted(box.label for box in each.boxes) for each in read("csv", data)
    }


def entries(action: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT actor_id, resource_type, resource_id, payload::jsonb -> 'details'"
            " FROM audits.audit_log WHERE action = %s ORDER BY id",
            [action],
        )
        return [(*row[:3], json.loads(row[3])) for row in cursor.fetchall()]


def test_the_words_of_files_are_those_of_the_database() -> None:
    assert list(records.STATUSES) == ReviewStatus.values
    assert list(records.STAGES) == ReviewStage.values
    assert list(records.REASONS) == RejectionReason.values


@pytest.mark.parametrize("kind", FORMATS)
def test_everything_is_handed_out_images_without_boxes_too(
    kind: str, images: Images, export: Export
) -> None:
    found = {each.image.file_name: each for each in read(kind, export(kind))}

    assert {name: len(each.boxes) for name, each in found.items()} == {
        "first.jpg": 2,
        "second.jpg": 1,
        "empty.jpg": 0,
    }
    first, second = found["first.jpg"], found["second.jpg"]
    assert first.image == records.ImageKey(images[0].file_hash, "first.jpg", 640, 480)
    [robin, wren] = first.boxes
    assert (robin.left, robin.top, robin.right, robin.bottom) == (
        100_000,
        200_000,
        500_000,
        600_000,
    )
    assert (robin.score, robin.ai, robin.provider, robin.model) == (5_000, True, "local", "test-1")
    assert (wren.label, wren.ai) == ("=wren", False)
    [gull] = second.boxes
    assert gull.notes == "too large,\nby far"
    assert gull.review == records.Review(
        "rejected", "final", "wrong_box", str(_reviewer()), "2026-11-21T10:00:00.000000Z", 2
    )


def _reviewer() -> Any:
    return Annotation.objects.get(label="gull").reviewed_by_id


def test_the_version_that_stands_is_handed_out_not_an_earlier_one(
    images: Images, export: Export
) -> None:
    box = {
        "topLeft": {"x": 0, "y": 0},
        "bottomRight": {"x": 1, "y": 0.5},
        "width": 1,
        "height": 0.5,
    }
    Annotation.objects.filter(label="robin").update(label="blackbird", bounding_box=box)
    [first] = [each for each in read("coco", export("coco")) if len(each.boxes) == 2]

    assert first.boxes[0].label == "blackbird"
    assert (first.boxes[0].right, first.boxes[0].bottom) == (1_000_000, 500_000)
    assert first.boxes[0].review.version == 2


def test_conditions_on_boxes_lose_no_image(images: Images, export: Export) -> None:
    assert labels(export("csv", statuses=("rejected",))) == {
        "first.jpg": [],
        "second.jpg": ["gull"],
        "empty.jpg": [],
    }
    assert labels(export("csv", labels=("robin",), only_with_boxes=True)) == {
        "first.jpg": ["robin"]
    }
    assert labels(export("csv", providers=("openai",), images=(images[0].pk,))) == {"first.jpg": []}


def test_a_collection_is_handed_out_with_its_own_order_of_labels(
    images: Images, export: Export
) -> None:
    made = make_collection(images[1], images[2], labels=["tern", "gull"])
    document = json.loads(export("coco", collection=made.pk))

    assert sorted(each["file_name"] for each in document["images"]) == ["empty.jpg", "second.jpg"]
    assert [each["name"] for each in document["categories"]] == ["tern", "gull"]
    assert document["annotations"][0]["category_id"] == 2


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_annotations_make_the_same_bytes(
    kind: str, images: Images, export: Export
) -> None:
    assert export(kind) == export(kind)


def test_an_export_is_recorded_with_the_hash_of_the_file(
    images: Images, export: Export, admin: User
) -> None:
    data = export("coco", statuses=("pending",))
    [(actor, noun, key, details)] = entries("annotations.exported")

    assert (actor, noun, key) == (admin.pk, "annotation_file", hashlib.sha256(data).hexdigest())
    assert details["filters"] == {"statuses": ["pending"]}
    assert (details["format"], details["images"], details["boxes"]) == ("coco", 3, 2)
    assert (details["images_without_boxes"], details["bytes"]) == (2, len(data))


def test_whoever_may_see_annotations_may_export_them(images: Images, export: Export) -> None:
    viewer = make_user("viewer")

    assert export("csv", by=viewer) == export("csv")
    with pytest.raises(PermissionDenied, match="may not see annotations"):
        export("csv", by=make_user("viewer", is_active=False))


def test_what_stops_on_the_way_leaves_no_entry(images: Images, admin: User) -> None:
    def stop(pictures: Iterable[Picture]) -> Iterator[Picture]:
        yield next(iter(pictures))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), acting_as(admin.pk):
        exchange.export(
            exchange.Selection(), kind="csv", output=io.BytesIO(), by=admin, around=stop
        )

    assert entries("annotations.exported") == []


@pytest.mark.parametrize("dimensions", [{}, {"width": "wide", "height": 0}, {"width": -1}])
def test_sizes_that_plain_sql_left_out_are_unknown(
    dimensions: dict[str, Any], export: Export
) -> None:
    make_image(image_dimensions=dimensions)

    [picture] = read("csv", export("csv"))
    assert (picture.image.width, picture.image.height) == (0, 0)


def test_a_box_of_plain_sql_that_is_too_thin_to_write_gets_a_millionth(export: Export) -> None:
    made = make_annotation(user=None)
    edges = {"topLeft": {"x": 0.99999996, "y": 0.1}, "bottomRight": {"x": 1, "y": 0.1000002}}
    Annotation.objects.filter(pk=made.pk).update(
        bounding_box=edges | {"width": 0.00000004, "height": 0.0000002}
    )
    for kind in FORMATS:
        [picture] = read(kind, export(kind))
        [box] = picture.boxes
        assert (box.left, box.right, box.bottom - box.top) == (999_999, 1_000_000, 1), kind


def test_how_much_there_is_can_be_asked_before(images: Images) -> None:
    assert exchange.count(exchange.Selection()) == (3, 3)
    assert exchange.count(exchange.Selection(statuses=("pending",), only_with_boxes=True)) == (1, 2)
