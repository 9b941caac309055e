"""Describing, archiving and settling images."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Entry
from imaging.models import Image, ProcessingJob
from tests.factories import make_image, make_job
from tests.imaging.api.conftest import Caller, CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db


def address(image: Image, part: str = "") -> str:
    """The image's address, or that of what can be done with it."""
    return f"/api/v1/images/{image.pk}/{part}"


def describe(caller: Caller, image: Image, metadata: Any) -> Any:
    """The answer to noting facts, of the state that is read just before."""
    etag = caller.get(address(image))["ETag"]
    return caller.patch(address(image), {"metadata": metadata}, If_Match=etag)


def test_facts_are_noted_kept_and_removed(caller: CallerOf) -> None:
    image = make_image(metadata={"format": "JPEG", "room": "south hall", "draft": True})
    moderator = caller("moderator")

    answer = describe(moderator, image, {"room": "north hall", "draft": None, "size": {"m": 2.5}})

    assert answer.status_code == 200
    expected = {"format": "JPEG", "room": "north hall", "size": {"m": 2.5}}
    assert answer.json()["metadata"] == expected
    assert moderator.get(address(image))["ETag"] == answer["ETag"]
    image.refresh_from_db()
    assert image.metadata == expected


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"format": "PNG"}, "metadata.format"),
        ({"": 1}, "metadata"),
        ({"k" * 201: 1}, f"metadata.{'k' * 200}"),
        ({"far": 1e301}, "metadata.far"),
        ({"deep": [{"far": -1e305}]}, "metadata.deep"),
        ({"much": "x" * 70_000}, "metadata"),
        ([], "metadata"),
        ("text", "metadata"),
        (None, "metadata"),
    ],
)
def test_facts_that_cannot_be_noted_are_refused_by_name(
    caller: CallerOf, metadata: Any, field: str
) -> None:
    image = make_image(metadata={"format": "JPEG"})

    assert wrong_fields(describe(caller("moderator"), image, metadata)) == {field}
    image.refresh_from_db()
    assert image.metadata == {"format": "JPEG"}


@pytest.mark.parametrize(
    "body",
    [
        '{"metadata": {"a": "\\u0000"}}',
        '{"metadata": {"a": NaN}}',
        '{"metadata": {"a": 1e999}}',
        '{"metadata": {"a": 99999999999999999999}}',
        '{"metadata": {"a": 1, "a": 2}}',
        '{"metadata": {}, "file_name": "new.jpg"}',
        "{}",
    ],
)
def test_bodies_that_mean_nothing_are_refused(caller: CallerOf, body: str) -> None:
    image = make_image()

    answer = caller("moderator").patch(address(image), body, If_Match="*")

    problem(answer, 400, "invalid-input")


def test_of_two_who_change_the_second_has_to_look_again(caller: CallerOf) -> None:
    image = make_image()
    one, other = caller("moderator"), caller("admin")
    etag = one.get(address(image))["ETag"]

    first = one.patch(address(image), {"metadata": {"room": "A"}}, If_Match=etag)
    second = other.patch(address(image), {"metadata": {"room": "B"}}, If_Match=etag)

    assert first.status_code == 200
    problem(second, 412, "precondition-failed")
    problem(one.patch(address(image), {"metadata": {}}), 428, "precondition-required")
    image.refresh_from_db()
    assert image.metadata == {"room": "A"}


def test_an_image_is_archived_once_and_its_waiting_jobs_end(caller: CallerOf) -> None:
    job = make_job()
    moderator = caller("moderator")

    answer = moderator.post(address(job.image, "archive/"))

    assert answer.json()["analysis_status"] == "archived"
    assert ProcessingJob.objects.get().status == "cancelled"
    told = problem(moderator.post(address(job.image, "archive/")), 409, "conflict")
    assert job.image.file_name in told["detail"]
    assert Entry.objects.filter(action="image.archived", actor_id=moderator.user.pk).count() == 1  # type: ignore[union-attr]


def test_a_near_duplicate_is_dismissed_and_marked_again(caller: CallerOf) -> None:
    oldest = make_image(perceptual_hash=0b1111)
    image = make_image(
        perceptual_hash=0b0111, is_duplicate=True, duplicate_of=oldest, duplicate_distance=1
    )
    moderator = caller("moderator")

    dismissed = moderator.post(address(image, "dismiss-duplicate/")).json()
    assert (dismissed["is_duplicate"], dismissed["duplicate_of_id"]) == (False, None)
    assert dismissed["duplicate_dismissed_at"] is not None
    problem(moderator.post(address(image, "dismiss-duplicate/")), 409, "conflict")

    body = {"duplicate_of_id": str(oldest.pk)}
    marked = moderator.post(address(image, "mark-duplicate/"), body).json()
    assert (marked["duplicate_of_id"], marked["duplicate_distance"]) == (str(oldest.pk), 1)
    assert marked["duplicate_dismissed_at"] is None


def test_what_cannot_be_a_duplicate_is_refused(caller: CallerOf) -> None:
    oldest = make_image()
    image = make_image(is_duplicate=True, duplicate_of=oldest)
    moderator = caller("moderator")

    def mark(of: Any, one: Image = image) -> Any:
        return moderator.post(address(one, "mark-duplicate/"), {"duplicate_of_id": of})

    assert wrong_fields(mark("01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10")) == {"duplicate_of_id"}
    assert wrong_fields(mark("first")) == {"duplicate_of_id"}
    problem(mark(str(image.pk)), 409, "conflict")
    problem(mark(str(image.pk), oldest), 409, "conflict")  # a ring of two
    problem(mark(str(make_image().pk), oldest), 409, "conflict")  # others hang on it
