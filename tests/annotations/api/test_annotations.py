"""Annotations through the API: made, found, changed, removed, and every version kept."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotations.models import Annotation, AnnotationHistory, AnnotationReview
from audit.models import Entry
from tests.annotations.making import BOX, make_annotation, make_collection
from tests.factories import make_image, make_user
from tests.imaging.api.conftest import CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db
LIST = "/api/v1/annotations/"


def at(annotation: Annotation, *parts: str) -> str:
    return "/".join([f"{LIST}{annotation.pk}", *parts, ""])


def test_a_person_marks_something_and_it_waits_for_review(caller: CallerOf) -> None:
    image, person = make_image(), caller("analyst")
    assert person.user is not None

    made = person.post(
        LIST,
        {"image_id": str(image.pk), "label": " robin ", "bounding_box": BOX.to_json()},
    )

    assert made.status_code == 201
    told = made.json()
    assert made["Location"] == f"{LIST}{told['id']}/"
    assert told["label"] == "robin"
    assert told["bounding_box"] == BOX.to_json()
    assert (told["user_id"], told["vision_generated"]) == (str(person.user.pk), False)
    assert (told["review_status"], told["version"]) == ("pending", 1)
    assert person.get(made["Location"])["ETag"] == made["ETag"]
    assert Entry.objects.get(action="annotation.made").resource_id == told["id"]


def test_width_and_height_follow_from_the_corners(caller: CallerOf) -> None:
    box = {
        "topLeft": {"x": 0.25, "y": 0.5},
        "bottomRight": {"x": 0.75, "y": 1},
        "width": 9,
    }

    made = caller().post(LIST, {"image_id": str(make_image().pk), "bounding_box": box})

    assert made.json()["bounding_box"]["width"] == 0.5
    assert made.json()["bounding_box"]["height"] == 0.5


@pytest.mark.parametrize(
    "box",
    [
        None,
        [],
        {},
        "0,0,1,1",
        {"topLeft": {"x": 0, "y": 0}, "bottomRight": {"x": 2, "y": 1}},
        {"topLeft": {"x": 0.5, "y": 0}, "bottomRight": {"x": 0.5, "y": 1}},
        {"topLeft": {"x": True, "y": 0}, "bottomRight": {"x": 1, "y": 1}},
        {"topLeft": {"x": "0", "y": 0}, "bottomRight": {"x": 1, "y": 1}},
        {"topLeft": {"x": 10**18, "y": 0}, "bottomRight": {"x": 1, "y": 1}},
    ],
)
def test_what_is_no_box_is_refused_by_name(caller: CallerOf, box: Any) -> None:
    answer = caller().post(LIST, {"image_id": str(make_image().pk), "bounding_box": box})

    assert wrong_fields(answer) == {"bounding_box"}


def test_a_label_is_one_of_the_collections(caller: CallerOf) -> None:
    image = make_image()
    make_collection(image, labels=["robin", "redstart"])
    body = {"image_id": str(image.pk), "bounding_box": BOX.to_json()}
    person = caller()

    assert wrong_fields(person.post(LIST, body | {"label": "penguin"})) == {"label"}
    assert person.post(LIST, body | {"label": "ROBIN"}).json()["label"] == "robin"


def test_in_an_archived_image_nothing_is_marked(caller: CallerOf) -> None:
    image = make_image(analysis_status="archived")

    answer = caller().post(LIST, {"image_id": str(image.pk), "bounding_box": BOX.to_json()})

    problem(answer, 409, "conflict")


def test_an_image_that_is_not_there_is_told_by_its_field(caller: CallerOf) -> None:
    body = {"image_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10", "bounding_box": BOX.to_json()}

    assert wrong_fields(caller().post(LIST, body)) == {"image_id"}


def test_repeating_a_request_marks_nothing_twice(caller: CallerOf) -> None:
    person, body = caller(), {"image_id": str(make_image().pk), "bounding_box": BOX.to_json()}

    first = person.post(LIST, body, Idempotency_Key="mark-1")
    second = person.post(LIST, body, Idempotency_Key="mark-1")

    assert second["Idempotency-Replayed"] == "true"
    assert first.json() == second.json()
    assert Annotation.objects.count() == 1


def test_a_list_is_narrowed_and_ordered(caller: CallerOf) -> None:
    sure = make_annotation(vision_confidence=Decimal("0.9"), label="robin")
    unsure = make_annotation(vision_confidence=Decimal("0.2"), label="wren")
    person = caller("viewer")

    def keys(**query: Any) -> list[str]:
        return [one["id"] for one in person.get(LIST, query).json()["results"]]

    assert keys(order="least_certain") == [str(unsure.pk), str(sure.pk)]
    assert keys(label="robin") == [str(sure.pk)]
    assert keys(min_confidence="0.5") == [str(sure.pk)]
    assert keys(image_id=str(unsure.image_id)) == [str(unsure.pk)]
    assert keys(status=["approved", "rejected"]) == []
    assert keys(by_ai="false") == []
    assert wrong_fields(person.get(LIST, {"lable": "robin"})) == {"lable"}


def test_pages_follow_each_other_and_cost_the_same_however_long(caller: CallerOf) -> None:
    for _ in range(5):
        make_annotation()
    person = caller("viewer")

    def queries(limit: int) -> int:
        with CaptureQueriesContext(
            connection,
        ) as taken:
            person.get(LIST, {"limit": limit})
        return len(taken)

    queries(1)
    assert queries(1) == queries(5)
    first = person.get(LIST, {"limit": 3}).json()
    second = person.get(first["next"]).json()
    assert len({one["id"] for one in first["results"] + second["results"]}) == 5
    assert second["next"] is None


def test_a_change_names_the_version_it_is_of(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    etag = person.get(at(annotation))["ETag"]

    problem(person.patch(at(annotation), {"label": "wren"}), 428, "precondition-required")
    changed = person.patch(at(annotation), {"label": "wren"}, If_Match=etag)

    assert (changed.status_code, changed.json()["label"]) == (200, "wren")
    assert changed.json()["version"] == 2
    assert changed["ETag"] != etag
    stale = person.patch(at(annotation), {"label": "finch"}, If_Match=etag)
    problem(stale, 412, "precondition-failed")
    assert person.get(at(annotation), If_None_Match=changed["ETag"]).status_code == 304


def test_what_is_learnt_of_an_annotation_is_another_state_of_it(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    etag = person.get(at(annotation))["ETag"]

    Annotation.objects.update(calibrated_confidence=Decimal("0.3"))

    assert person.get(at(annotation), If_None_Match=etag).status_code == 200


def test_another_box_on_a_decided_annotation_has_it_reviewed_anew(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    approve(person, annotation)

    changed = person.patch(
        at(annotation), {"bounding_box": {**BOX.to_json(), "topLeft": {"x": 0, "y": 0}}},
        If_Match="*",
    ).json()  # fmt: skip

    assert changed["review_status"] == "pending"
    assert (changed["reviewed_by_id"], changed["version"]) == (None, 3)
    assert AnnotationReview.objects.filter(decision="reopened").count() == 1


def test_notes_leave_a_decision_as_it_is(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller()
    approve(person, annotation)

    changed = person.patch(at(annotation), {"notes": "a juvenile"}, If_Match="*").json()

    assert (changed["review_status"], changed["notes"]) == ("approved", "a juvenile")


@pytest.mark.parametrize("field", ["review_status", "version", "user_id", "vision_confidence"])
def test_what_is_not_for_callers_to_say_is_refused_by_name(caller: CallerOf, field: str) -> None:
    answer = caller().patch(at(make_annotation()), {field: "approved"}, If_Match="*")

    assert wrong_fields(answer) == {field}


def test_a_moderator_removes_and_the_versions_stay(caller: CallerOf) -> None:
    annotation, person = make_annotation(), caller("moderator")

    problem(caller("analyst").patch(at(annotation), {}), 428, "precondition-required")
    gone = caller("moderator")._send("delete", at(annotation), {}, {"If_Match": "*"})

    assert gone.status_code == 204
    problem(person.get(at(annotation)), 404, "not-found")
    [version] = person.get(at(annotation, "versions")).json()["results"]
    assert (version["version"], version["is_deleted"]) == (1, True)
    assert Entry.objects.filter(action="annotation.removed").count() == 1


def test_an_earlier_version_is_restored_as_a_new_one(caller: CallerOf) -> None:
    annotation, person = make_annotation(label="robin"), caller()
    person.patch(at(annotation), {"label": "wren"}, If_Match="*")

    stale = person.post(at(annotation, "restore"), {"version": 1, "to_version": 1})
    problem(stale, 409, "changed-meanwhile")
    restored = person.post(at(annotation, "restore"), {"version": 2, "to_version": 1})

    assert (restored.json()["label"], restored.json()["version"]) == ("robin", 3)
    versions = person.get(at(annotation, "versions"), {"order": "oldest"}).json()["results"]
    assert [one["label"] for one in versions] == ["robin", "wren"]
    assert AnnotationHistory.objects.count() == 2


def test_a_made_up_annotation_in_somebody_elses_name_is_not_possible(caller: CallerOf) -> None:
    body = {
        "image_id": str(make_image().pk),
        "bounding_box": BOX.to_json(),
        "user_id": str(make_user().pk),
    }

    assert wrong_fields(caller().post(LIST, json.dumps(body))) == {"user_id"}


def approve(person: Any, annotation: Annotation) -> None:
    answer = person.post(at(annotation, "decide"), {"decision": "approved", "version": 1})
    assert answer.status_code == 200
