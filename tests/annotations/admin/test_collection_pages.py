"""Collections in the admin: made, filled, annotated, and who may do what there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from annotations import labels
from annotations.actions import collections as collection_actions
from annotations.errors import LabelRefused, NotNow
from annotations.models import (
    BatchJob,
    CollectionImage,
    ImageCollection,
)
from audit.models import Entry
from tests.annotations.admin.browsing import decided, logged_in, said
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db


def test_a_collection_is_made_and_changed_by_its_form() -> None:
    person = make_user("moderator")
    client = logged_in(person)
    form = {
        "name": "Harbour",
        "description": "",
        "labels_text": "Jay\r\n robin \r\n\r\nJAY",
        "stages_text": "L1,final",
        "spot_check_percent": "5",
        "gold_percent": "2.5",
    }

    client.post("/annotations/imagecollection/add/", form)

    made = ImageCollection.objects.get()
    assert (made.labels, made.stages) == (["Jay", "robin"], ["L1", "final"])
    assert (made.gold_percent, made.created_by) == (Decimal("2.5"), person)
    address = f"/annotations/imagecollection/{made.pk}/change/"
    assert "Jay\nrobin" in said(client.get(address))
    client.post(address, form | {"gold_percent": "3", "labels_text": ""})
    made.refresh_from_db()
    assert made.labels == []
    assert made.gold_percent == Decimal(3)
    client.post(address, form | {"gold_percent": "3", "labels_text": ""})
    actions = Entry.objects.filter(action__startswith="collection.").order_by("id")
    assert [one.action for one in actions] == ["collection.created", "collection.changed"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"gold_percent": "101"}, "less than or equal to 100"),
        ({"labels_text": "x" * 201}, "at most 200 characters"),
        ({"stages_text": "final,L1"}, "Select a valid choice"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_a_collection_that_cannot_be_is_refused(wrong: dict[str, str], sentence: str) -> None:
    form = {
        "name": "Harbour",
        "stages_text": "final",
        "spot_check_percent": "0",
        "gold_percent": "0",
    }

    page = logged_in("moderator").post("/annotations/imagecollection/add/", form | wrong)

    assert sentence in said(page)
    assert not ImageCollection.objects.exists()


def test_collections_are_looked_at_by_all_and_changed_by_few() -> None:
    home = make_collection(labels=["jay"])
    address = f"/annotations/imagecollection/{home.pk}/change/"
    client = logged_in("analyst")

    assert "jay" in said(client.get(address))
    assert client.post(address, {"name": "Mine"}).status_code == 403
    assert client.get("/annotations/imagecollection/add/").status_code == 403


def test_images_are_put_into_a_collection_from_their_list() -> None:
    images = [make_image(), make_image()]
    old, new = make_collection(images[0], name="Old"), make_collection(name="New")
    person = make_user("moderator")
    client = logged_in(person)
    form = {"action": "collect", "_selected_action": [str(one.pk) for one in images]}

    assert "to a collection" in said(client.post("/imaging/image/", form))
    done = client.post(
        "/imaging/image/", form | {"confirmed": "yes", "collection": str(new.pk)}, follow=True
    )

    assert "2 images are in New now." in said(done)
    assert CollectionImage.objects.filter(collection=new).count() == 2
    assert not old.members.exists()
    assert logged_in("analyst").post("/imaging/image/", form).status_code == 403
    nowhere = client.post("/imaging/image/", form | {"confirmed": "yes"}, follow=True)
    assert "Choose a collection" in said(nowhere)


def test_an_archived_collection_takes_no_images() -> None:
    home = make_collection(is_archived=True)

    with pytest.raises(NotNow, match="is archived"):
        collection_actions.add_images(home, [make_image().pk], by=make_user("moderator"))


def test_labels_with_control_characters_are_refused() -> None:
    assert collection_actions.cleaned_labels(["a", " A ", "", "b"]) == ["a", "b"]
    with pytest.raises(LabelRefused):
        collection_actions.cleaned_labels(["a\x07"])


def test_chosen_images_are_annotated_by_a_batch() -> None:
    images = [make_image(), make_image()]
    client = logged_in("analyst")
    form = {"action": "annotate", "_selected_action": [str(images[0].pk)]}

    asked = said(client.post("/imaging/image/", form))
    assert "Annotate 1 image" in asked
    done = client.post(
        "/imaging/image/",
        form | {"confirmed": "yes", "provider": "local", "fallback": "openai"},
        follow=True,
    )

    batch = BatchJob.objects.get()
    assert "The batch is queued." in said(done)
    assert batch.parameters["images"] == [str(images[0].pk)]
    assert (batch.parameters["fallbacks"], batch.item_count) == (["openai"], 1)
    assert logged_in("viewer").post("/imaging/image/", form).status_code == 403


def test_a_collection_is_annotated_from_its_page() -> None:
    image = make_image()
    make_image()
    home = make_collection(image)
    client = logged_in("analyst")

    assert "selected" in said(client.get(f"/annotations/annotate/?collection={home.pk}"))
    client.post("/annotations/annotate/", {"provider": "local", "collection": str(home.pk)})
    wrong = client.post("/annotations/annotate/", {"provider": "oracle"}, follow=True)

    assert BatchJob.objects.get().item_count == 1
    assert "There is no provider" in said(wrong)
    assert logged_in("viewer").get("/annotations/annotate/").status_code == 403


def test_a_collection_that_is_gone_does_not_become_every_image() -> None:
    make_image()
    gone = {"collection": "01a1ff2c-7473-7c2a-b7c6-089197209322", "provider": "local"}

    page = logged_in("analyst").post("/annotations/annotate/", gone, follow=True)

    assert "There is no such collection any more" in said(page)
    assert BatchJob.objects.count() == 0


def test_more_labels_than_a_collection_keeps_are_refused_at_their_field() -> None:
    # Each of these signs is three bytes.
    bird = "\N{CJK UNIFIED IDEOGRAPH-9CE5}" * 97
    lines = "\n".join(f"{number:03}{bird}" for number in range(800))
    form = {"name": "Birds", "labels_text": lines, "stages_text": "final"}
    percents = {"spot_check_percent": "0", "gold_percent": "0"}

    page = logged_in("moderator").post("/annotations/imagecollection/add/", form | percents)

    assert "800 labels take 238,400 bytes; a collection keeps 100,000." in said(page)
    assert not ImageCollection.objects.exists()


def test_labels_that_plain_sql_wrote_as_numbers_are_labels() -> None:
    image = make_image()
    make_collection(image, labels=[1, None, "jay"])
    annotation = make_annotation(image=image)

    decided(annotation, make_user("moderator"), label="1")

    annotation.refresh_from_db()
    assert (annotation.label, annotation.review_status) == ("1", "approved")
    with pytest.raises(LabelRefused, match="is not one of the labels"):
        labels.clean("wren", [1, "jay"])  # type: ignore[list-item] # what plain SQL may have put
