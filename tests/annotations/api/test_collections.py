"""Collections through the API."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.models import Annotation, ImageCollection
from audit.models import Entry
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image
from tests.imaging.api.conftest import CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db
LIST = "/api/v1/collections/"


def test_a_collection_is_made_read_and_changed(caller: CallerOf) -> None:
    person = caller("moderator")

    made = person.post(
        LIST,
        {
            "name": "Winter",
            "labels": ["robin", " Robin", "wren"],
            "stages": ["L1", "final"],
            "spot_check_percent": 5.5,
        },
    )
    changed = person.patch(
        made["Location"], {"name": "Winter 2026", "is_archived": True}, If_Match=made["ETag"]
    )

    assert made.status_code == 201
    assert made.json()["labels"] == ["robin", "wren"]
    assert (made.json()["spot_check_percent"], made.json()["gold_percent"]) == (5.5, 0.0)
    assert (changed.json()["name"], changed.json()["is_archived"]) == ("Winter 2026", True)
    stale = person.patch(made["Location"], {"name": "x"}, If_Match=made["ETag"])
    problem(stale, 412, "precondition-failed")
    assert person.get(LIST, {"is_archived": "false"}).json()["results"] == []
    actions = Entry.objects.filter(action__startswith="collection.").values_list(
        "action", flat=True
    )
    assert set(actions) == {"collection.created", "collection.changed"}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Taken"}, "name"),
        ({"name": "N", "stages": ["final", "L1"]}, "stages"),
        ({"name": "N", "stages": []}, "stages"),
        ({"name": "N", "gold_percent": 101}, "gold_percent"),
        ({"name": "N", "labels": ["a\x07"]}, "labels"),
        ({"name": "N", "labels": [f"{n:04}" + "x" * 190 for n in range(2000)]}, "labels"),
        ({"name": "N", "created_by": "me"}, "created_by"),
    ],
)
def test_what_cannot_be_a_collection_is_refused_by_name(
    caller: CallerOf, said: dict[str, Any], field: str
) -> None:
    make_collection(name="Taken")

    assert wrong_fields(caller("moderator").post(LIST, said)) == {field}
    assert ImageCollection.objects.count() == 1


def test_images_go_in_with_their_annotations_and_out_again(caller: CallerOf) -> None:
    image, other = make_image(), make_image()
    home = make_collection(other, name="One")
    annotation = make_annotation(image=image)
    person, where = caller("moderator"), f"{LIST}{home.pk}/"
    keys = {"image_ids": [str(image.pk), str(other.pk), str(image.pk)]}

    assert person.post(f"{where}add-images/", keys).json() == {"changed": 1}
    assert Annotation.objects.get(pk=annotation.pk).collection_id == home.pk
    listed = person.get(f"{where}images/").json()["results"]
    assert {one["image_id"] for one in listed} == {str(image.pk), str(other.pk)}

    gone = {"image_ids": [str(image.pk)]}
    assert person.post(f"{where}remove-images/", gone).json() == {"changed": 1}
    assert person.post(f"{where}remove-images/", gone).json() == {"changed": 0}
    assert Annotation.objects.get(pk=annotation.pk).collection_id is None


def test_an_image_that_is_not_there_is_named_by_its_place(caller: CallerOf) -> None:
    home = make_collection(name="One")
    keys = [str(make_image().pk), "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10"]

    answer = caller("moderator").post(f"{LIST}{home.pk}/add-images/", {"image_ids": keys})

    assert wrong_fields(answer) == {"image_ids.1"}
    assert not home.members.exists()


def test_an_archived_collection_takes_no_images(caller: CallerOf) -> None:
    home = make_collection(name="One", is_archived=True)

    answer = caller("moderator").post(
        f"{LIST}{home.pk}/add-images/", {"image_ids": [str(make_image().pk)]}
    )

    problem(answer, 409, "conflict")
