"""Other systems are told of decisions that stand, in the transaction that makes them."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from annotations.actions import bulk
from annotations.actions.claims import Filters
from annotations.models import Decision
from tests.annotations.api.test_annotations import at
from tests.annotations.api.test_reviewing import decide
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user
from tests.imaging.api.conftest import CallerOf, problem
from webhooks.actions import endpoints
from webhooks.models import WebhookDelivery

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def somebody_is_told(settings: Settings) -> None:
    """A warehouse is told of everything."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    endpoints.add(name="Warehouse", url="http://127.0.0.1:9/", by=make_user("admin"))


def told() -> list[tuple[str, Any]]:
    """Events and what they say, in their order."""
    return list(WebhookDelivery.objects.order_by("pk").values_list("event", "payload"))


def test_an_approval_is_told_with_keys_and_nothing_personal(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    assert person.user is not None

    decide(person, annotation, label="wren", comment="Ada thinks so")

    [(event, payload)] = told()
    assert event == "annotation.approved"
    assert payload == {
        "annotation_id": str(annotation.pk),
        "image_id": str(annotation.image_id),
        "collection_id": None,
        "label": "wren",
        "bounding_box": annotation.bounding_box,
        "version": 2,
        "review_status": "approved",
        "rejection_reason": "",
        "reviewed_by_id": str(person.user.pk),
    }
    assert person.user.email not in str(payload)


def test_a_stage_that_is_not_the_last_is_not_told_of(caller: CallerOf) -> None:
    image = make_image()
    make_collection(image, stages=["L1", "final"])
    annotation = make_annotation(image=image)

    decide(caller(), annotation)
    assert told() == []
    decide(caller("moderator"), annotation, version=2, decision="rejected", reason="other")

    assert [event for event, _ in told()] == ["annotation.rejected"]


def test_what_is_taken_back_is_told_as_well(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()

    decide(person, annotation)
    person.post("/api/v1/reviews/undo/")
    decide(person, annotation, version=3)
    person.post(at(annotation, "reopen"), {"version": 4})
    decide(person, annotation, version=5)
    person.patch(at(annotation), {"label": "wren"}, If_Match="*")

    assert [event for event, _ in told()] == [
        "annotation.approved",
        "annotation.reopened",
    ] * 3
    assert [payload["version"] for _, payload in told()] == [2, 3, 4, 5, 6, 7]


def test_a_refused_decision_is_told_to_nobody(caller: CallerOf) -> None:
    annotation = make_annotation()

    problem(decide(caller(), annotation, version=7), 409, "changed-meanwhile")

    assert told() == []


def test_each_decision_in_bulk_is_told_of() -> None:
    made = {str(make_annotation(label="robin").pk) for _ in range(3)}
    make_annotation(label="wren")

    list(bulk.decide_all(Filters(label="robin"), Decision.APPROVED, by=make_user("analyst")))

    assert {payload["annotation_id"] for _, payload in told()} == made
    assert {event for event, _ in told()} == {"annotation.approved"}
    assert {payload["version"] for _, payload in told()} == {2}
