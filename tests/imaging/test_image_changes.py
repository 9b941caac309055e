"""Noting facts about images, and settling what is a duplicate: the actions themselves."""

from __future__ import annotations

import pytest

from audit.models import Entry
from database.fields import uuid7
from imaging.actions import images, jobs
from imaging.errors import MetadataRefused, NotNow
from imaging.models import Image
from tests.factories import make_image, make_user
from tests.imaging.conftest import Receive

pytestmark = pytest.mark.django_db


def entries(action: str) -> list[Entry]:
    """The entries of an action."""
    return list(Entry.objects.filter(action=action))


def test_an_entry_says_which_facts_changed_and_how() -> None:
    moderator = make_user("moderator")
    image = make_image(metadata={"room": "A", "levels": [0.5], "kept": 1, "truth": True})

    images.change_metadata(
        image.pk, {"room": None, "levels": [0.25], "kept": 1, "truth": 1}, by=moderator
    )

    (entry,) = entries("image.metadata_changed")
    assert entry.actor_id == moderator.pk
    assert entry.changes_before == {"room": "A", "levels": "[0.5]", "truth": True}
    assert entry.changes_after == {"room": None, "levels": "[0.25]", "truth": "1"}


def test_noting_what_stands_there_changes_nothing() -> None:
    image = make_image(metadata={"room": "A"})
    before = Image.objects.get(pk=image.pk).updated_at

    images.change_metadata(image.pk, {"room": "A", "absent": None}, by=make_user("moderator"))

    assert Image.objects.get(pk=image.pk).updated_at == before
    assert entries("image.metadata_changed") == []


def test_facts_that_were_measured_stay() -> None:
    image = make_image(metadata={"frames": 1})

    with pytest.raises(MetadataRefused, match="frames: This was measured from the file"):
        images.change_metadata(image.pk, {"frames": 2}, by=make_user("moderator"))


def test_facts_of_a_row_that_holds_no_object_begin_anew() -> None:
    image = make_image(metadata=[1, 2])

    images.change_metadata(image.pk, {"room": "A"}, by=make_user("moderator"))

    assert Image.objects.get(pk=image.pk).metadata == {"room": "A"}


def test_a_duplicate_of_a_duplicate_is_one_of_the_oldest() -> None:
    moderator = make_user("moderator")
    oldest = make_image(perceptual_hash=0)
    middle = make_image(perceptual_hash=1, is_duplicate=True, duplicate_of=oldest)
    image = make_image(perceptual_hash=-1)

    images.mark_duplicate(image.pk, of=middle.pk, by=moderator)

    image.refresh_from_db()
    assert (image.duplicate_of_id, image.duplicate_distance) == (oldest.pk, 64)
    (entry,) = entries("image.duplicate_marked")
    assert entry.changes_after["distance"] == 64


def test_a_duplicate_without_a_hash_has_no_distance() -> None:
    image, oldest = make_image(perceptual_hash=None), make_image()

    images.mark_duplicate(image.pk, of=oldest.pk, by=make_user("moderator"))

    image.refresh_from_db()
    assert (image.is_duplicate, image.duplicate_distance) == (True, None)


def test_marking_what_is_gone_is_refused() -> None:
    image, key = make_image(), uuid7()

    with pytest.raises(NotNow, match=f"There is no image {key}"):
        images.mark_duplicate(image.pk, of=key, by=make_user("moderator"))


def test_asking_says_whether_the_job_is_new() -> None:
    analyst, image = make_user("analyst"), make_image()

    first = jobs.ask(image, by=analyst, parameters={"method": "luma"})
    second = jobs.ask(image, by=analyst, parameters={"method": "luma"}, priority=9)

    assert (first.created, second.created) == (True, False)
    assert second.job == first.job


def test_an_upload_is_analysed_with_the_priority_that_was_asked_for(receive: Receive) -> None:
    upload = receive(priority=9)

    assert upload.job is not None
    assert upload.job.priority == 9
