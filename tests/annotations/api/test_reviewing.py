"""Reviewing through the API: what comes next, decisions, and what stands against them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from annotations.actions import claims
from annotations.models import AnnotationReview, ReviewClaim
from tests.annotations.api.test_annotations import at
from tests.annotations.making import BOX, make_annotation, make_collection
from tests.factories import make_image, make_user
from tests.imaging.api.conftest import Caller, CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db
NEXT = "/api/v1/reviews/next/"
Decide = Callable[..., Any]


def decide(person: Caller, annotation: Any, **said: Any) -> Any:
    """The answer to a decision on its first version."""
    body = {"decision": "approved", "version": 1} | said
    return person.post(at(annotation, "decide"), body)


def test_the_least_certain_comes_first_and_is_shown_to_nobody_else(caller: CallerOf) -> None:
    make_annotation(vision_confidence=Decimal("0.9"))
    unsure = make_annotation(vision_confidence=Decimal("0.1"))
    one, other = caller("analyst"), caller("moderator")

    first = one.post(NEXT).json()

    assert first["annotation"]["id"] == str(unsure.pk)
    assert first["claimed_until"].endswith("Z")
    assert other.post(NEXT).json()["annotation"]["vision_confidence"] == 0.9
    problem(decide(other, unsure), 409, "held-by-other")
    assert decide(one, unsure).status_code == 200


def test_filters_narrow_what_comes_next(caller: CallerOf) -> None:
    image = make_image()
    home = make_collection(image)
    make_annotation(vision_confidence=Decimal("0.1"))
    wanted = make_annotation(image=image, label="wren", vision_confidence=Decimal("0.8"))
    person = caller()

    for narrowed in (
        {"collection_id": str(home.pk)},
        {"image_id": str(image.pk)},
        {"label": "wren"},
        {"min_confidence": 0.7},
    ):
        told = person.post(NEXT, narrowed).json()
        assert told["annotation"]["id"] == str(wanted.pk), told
    nothing = person.post(NEXT, {"provider": "openai"}).json()
    assert nothing == {"annotation": None, "claimed_until": None}
    assert wrong_fields(person.post(NEXT, {"stage": "L9"})) == {"stage"}
    assert wrong_fields(person.post(NEXT, {"min_confidence": 2})) == {"min_confidence"}


def test_the_queue_goes_on_behind_what_was_seen_last(caller: CallerOf) -> None:
    first = make_annotation(vision_confidence=Decimal("0.1"))
    second = make_annotation(vision_confidence=Decimal("0.2"))
    person = caller()

    assert person.post(NEXT, {"after_id": str(first.pk)}).json()["annotation"]["id"] == str(
        second.pk
    )
    assert person.post(NEXT, {"after_id": str(second.pk)}).json()["annotation"]["id"] == str(
        first.pk
    )
    gone = {"after_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10"}
    assert wrong_fields(person.post(NEXT, gone)) == {"after_id"}


def test_what_was_claimed_is_let_go_of(caller: CallerOf) -> None:
    make_annotation()
    other = make_annotation()
    person = caller()
    for _ in range(2):
        person.post(NEXT, {"image_id": str(other.image_id)})
    person.post(NEXT)

    one = person.post("/api/v1/reviews/release/", {"annotation_id": str(other.pk)}).json()
    rest = person.post("/api/v1/reviews/release/").json()

    assert one["released"] + rest["released"] == 2
    assert not ReviewClaim.objects.exists()


def test_an_approval_takes_the_reviewers_edits_along(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    assert person.user is not None

    told = decide(person, annotation, label="wren", comment="the tail", duration_ms=1800).json()

    assert (told["review_status"], told["label"], told["version"]) == ("approved", "wren", 2)
    assert told["reviewed_by_id"] == str(person.user.pk)
    [review] = person.get("/api/v1/reviews/").json()["results"]
    assert (review["was_edited"], review["duration_ms"]) == (True, 1800)
    assert review["comment"] == "the tail"
    assert person.get(f"/api/v1/reviews/{review['id']}/").json() == review


def test_a_rejection_has_a_reason_and_an_approval_none(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()

    assert wrong_fields(decide(person, annotation, decision="rejected")) == {"reason"}
    assert wrong_fields(decide(person, annotation, reason="no_bird")) == {"reason"}
    told = decide(person, annotation, decision="rejected", reason="no_bird").json()
    assert (told["review_status"], told["rejection_reason"]) == ("rejected", "no_bird")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"decision": "reopened"}, "decision"),
        ({"version": 0}, "version"),
        ({"version": None}, "version"),
        ({"label": "x" * 201}, "label"),
        ({"label": "a\u202eb\x07"}, "label"),
        ({"comment": "x" * 2001}, "comment"),
        ({"comment": "a\x07"}, "comment"),
        ({"bounding_box": {}}, "bounding_box"),
        ({"duration_ms": -1}, "duration_ms"),
        ({"reviewer": "me"}, "reviewer"),
    ],
)
def test_what_cannot_be_decided_is_refused_by_name(
    caller: CallerOf, said: dict[str, Any], field: str
) -> None:
    assert wrong_fields(decide(caller(), make_annotation(), **said)) == {field}
    assert not AnnotationReview.objects.exists()


def test_a_decision_on_a_version_that_is_gone_stores_nothing(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    person.patch(at(annotation), {"label": "wren"}, If_Match="*")

    told = problem(decide(caller("moderator"), annotation), 409, "changed-meanwhile")

    assert "while you looked at it" in told["detail"]
    assert not AnnotationReview.objects.exists()


def test_who_decides_second_is_told_who_was_first(caller: CallerOf) -> None:
    annotation = make_annotation()
    assert decide(caller(), annotation).status_code == 200

    told = problem(decide(caller("moderator"), annotation), 409, "changed-meanwhile")

    assert "was approved meanwhile" in told["detail"]


def test_each_stage_is_another_reviewers(caller: CallerOf) -> None:
    image = make_image()
    make_collection(image, stages=["L1", "final"])
    annotation = make_annotation(image=image)
    one, other = caller("analyst"), caller("moderator")

    told = decide(one, annotation).json()
    assert (told["review_status"], told["review_stage"]) == ("pending", "final")
    problem(decide(one, annotation, version=2), 409, "reviewed-before")
    assert decide(other, annotation, version=2).json()["review_status"] == "approved"


def test_the_last_decision_is_taken_back_once(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    decide(person, annotation, label="wren")

    told = person.post("/api/v1/reviews/undo/").json()

    assert (told["id"], told["label"]) == (str(annotation.pk), "robin")
    assert (told["review_status"], told["version"]) == ("pending", 3)
    problem(person.post("/api/v1/reviews/undo/"), 409, "conflict")


def test_a_decided_annotation_is_reopened(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    problem(person.post(at(annotation, "reopen"), {"version": 1}), 409, "conflict")
    decide(person, annotation)

    problem(person.post(at(annotation, "reopen"), {"version": 1}), 409, "changed-meanwhile")
    told = person.post(at(annotation, "reopen"), {"version": 2}).json()

    assert (told["review_status"], told["reviewed_by_id"]) == ("pending", None)


def test_a_decision_sent_again_is_answered_again(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    body = {"decision": "approved", "version": 1, "bounding_box": BOX.to_json()}

    first = person.post(at(annotation, "decide"), body, Idempotency_Key="d-1")
    second = person.post(at(annotation, "decide"), body, Idempotency_Key="d-1")

    assert second["Idempotency-Replayed"] == "true"
    assert first.json() == second.json()
    assert AnnotationReview.objects.count() == 1


def test_reviews_are_found_by_whom_and_of_what(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    assert person.user is not None
    decide(person, annotation)

    def count(**query: str) -> int:
        return len(person.get("/api/v1/reviews/", query).json()["results"])

    assert count(reviewer_id=str(person.user.pk), annotation_id=str(annotation.pk)) == 1
    assert count(decision="rejected") == 0
    assert count(reviewer_id=str(make_user().pk)) == 0
    assert claims.LASTS.total_seconds() == 600
