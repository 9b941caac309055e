"""What the desk's page gets from the server: items ahead, answers, refusals that lose nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from annotations.actions import claims, deciding
from annotations.actions.deciding import Verdict
from annotations.models import (
    Annotation,
    AnnotationReview,
    Decision,
    ReviewClaim,
    ReviewExtra,
)
from config.admin.formats import NOTHING
from tests.annotations.admin.conftest import Desk
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db
DeskFor = Callable[..., Desk]


def three() -> list[Annotation]:
    return [make_annotation(vision_confidence=Decimal(f"0.{one}")) for one in (1, 2, 3)]


def test_two_items_come_at_once_claimed_and_complete(desk: DeskFor) -> None:
    first, second, _ = three()
    other = make_annotation(image=first.image, vision_confidence=Decimal("0.9"), label="jay")
    here = desk()

    status, answer = here.ask("next", ahead=2, count=True)

    assert status == 200
    assert [item["id"] for item in answer["items"]] == [str(first.pk), str(second.pk)]
    assert answer["waiting"] == {"count": 4, "exact": True}
    item = answer["items"][0]
    assert item["box"] == [0.1, 0.2, 0.5, 0.6]
    assert item["others"] == [{"box": [0.1, 0.2, 0.5, 0.6], "label": "jay"}]
    assert (item["confidence"], item["calibrated"], item["stage"]) == (
        "10\u00a0%",
        NOTHING,
        "final",
    )
    assert item["image"]["preview"] == f"/imaging/image/{first.image_id}/files/preview/"
    held = ReviewClaim.objects.filter(reviewer=here.person)
    assert set(held.values_list("annotation_id", flat=True)) == {first.pk, second.pk}
    assert other.pk


def test_a_decision_is_answered_with_what_comes_next(desk: DeskFor) -> None:
    first, second, third = three()
    here = desk()
    one, two = here.items(ahead=2)

    status, answer = here.decide(
        one,
        label="jay",
        box=[0, 0, 0.25, 0.5],
        duration_ms=700,
        after=two["ticket"],
        holding=[two["id"]],
        ahead=1,
    )

    assert status == 200
    assert [item["id"] for item in answer["items"]] == [str(third.pk)]
    first.refresh_from_db()
    assert (first.review_status, first.label) == ("approved", "jay")
    assert first.bounding_box["bottomRight"] == {"x": 0.25, "y": 0.5}
    review = AnnotationReview.objects.get(annotation=first)
    assert (review.duration_ms, review.was_edited, review.version) == (700, True, 1)
    assert second.review_status == "pending"


def test_at_the_end_nothing_is_dealt_twice(desk: DeskFor) -> None:
    three()
    here = desk()
    one, two, three_ = here.items(ahead=4)

    more = here.items(ahead=2, after=three_["ticket"], holding=[one["id"], two["id"], three_["id"]])

    assert more == []


def test_skipped_items_are_let_go_and_come_back_by_the_way_back(desk: DeskFor) -> None:
    first, _, _ = three()
    here, other = desk(), desk()
    one, two = here.items(ahead=2)

    here.items(ahead=1, after=two["ticket"], holding=[two["id"]], release=[one["id"]])
    assert [item["id"] for item in other.items()] == [str(first.pk)]
    other.ask("leave", holding=[str(first.pk)])
    status, answer = here.ask("previous", before=two["ticket"])

    assert (status, answer["item"]["id"]) == (200, str(first.pk))
    assert here.ask("previous", before=answer["item"]["ticket"]) == (200, {"item": None})


def test_a_repeated_decision_answers_as_the_first_did(desk: DeskFor) -> None:
    three()
    here = desk()
    [item] = here.items()

    first, again = here.decide(item), here.decide(item)

    assert (first[0], again[0]) == (200, 200)
    assert AnnotationReview.objects.filter(annotation=item["id"]).count() == 1
    status, answer = here.decide(item, "rejected", reason="no_bird")
    assert (status, answer["kind"]) == (409, "changed")


def test_a_conflict_says_how_it_stands_now_and_can_be_taken_over(desk: DeskFor) -> None:
    annotation = make_annotation()
    here, colleague = desk(), make_user("moderator", full_name="Mo")
    [item] = here.items()
    ReviewClaim.objects.all().delete()
    deciding.decide(annotation.pk, Verdict(Decision.REJECTED, 1, reason="wrong_box"), by=colleague)

    status, answer = here.decide(item, label="jay")

    assert (status, answer["kind"]) == (409, "changed")
    assert answer["error"] == "It was rejected meanwhile, by Mo."
    current = answer["current"]
    assert (current["status"], current["by"], current["version"]) == ("rejected", "Mo", 2)
    assert (current["reason"], current["waits"]) == ("Box does not fit", False)
    status, _ = here.decide(item, label="jay", version=current["version"], take_over=True)
    assert status == 200
    annotation.refresh_from_db()
    assert (annotation.review_status, annotation.label) == ("approved", "jay")
    assert annotation.reviewed_by == here.person


def test_a_changed_version_that_waits_is_taken_over_without_reopening(desk: DeskFor) -> None:
    annotation = make_annotation()
    here = desk()
    [item] = here.items()
    Annotation.objects.filter(pk=annotation.pk).update(label="crow")

    status, answer = here.decide(item)
    assert (status, answer["current"]["label"], answer["current"]["waits"]) == (409, "crow", True)
    status, _ = here.decide(item, version=2, label="jay", take_over=True)

    assert status == 200
    decisions = AnnotationReview.objects.filter(annotation=annotation)
    assert [one.decision for one in decisions] == ["approved"]


def test_what_somebody_else_has_open_is_a_conflict_without_taking_over(desk: DeskFor) -> None:
    annotation = make_annotation()
    here = desk()
    [item] = here.items()
    ReviewClaim.objects.all().delete()
    claims.claim(annotation, by=make_user("analyst"))

    status, answer = here.decide(item)

    assert (status, answer["kind"]) == (409, "held")
    assert "has this one open" in answer["error"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"label": "eagle"}, "is not one of the labels"),
        ({"label": 5}, "A label is text."),
        ({"comment": "a\x07"}, "A comment is plain text"),
        ({"comment": ["a"]}, "cannot be read"),
        ({"box": [0, 0, 0, 1]}, "has no size"),
        ({"box": [0, 1]}, "A box has four numbers"),
        ({"box": [None, 0, 1, 1]}, "four finite numbers"),
        ({"decision": "reopened"}, "approves or rejects"),
        ({"decision": "rejected"}, "A rejection has a reason"),
        ({"version": "1"}, "cannot be read"),
        ({"ticket": "forged"}, "no ticket of the desk"),
        ({"filters": {"most": "7"}}, "from 0 to 1"),
        ({"filters": {"least": "many"}}, "cannot be read"),
        ({"filters": {"image": "none"}}, "UUID"),
    ],
)
def test_what_cannot_be_stored_is_refused_in_a_sentence(
    desk: DeskFor, more: dict[str, Any], sentence: str
) -> None:
    image = make_image()
    make_collection(image, labels=["jay", "robin"])
    make_annotation(image=image)
    here = desk()
    [item] = here.items()

    status, answer = here.decide(item, **more)

    assert status == 422
    assert sentence in answer["error"]
    assert not AnnotationReview.objects.exists()


def test_undo_brings_the_item_back(desk: DeskFor) -> None:
    three()
    here = desk()
    [item] = here.items()
    here.decide(item, "rejected", reason="no_bird")

    status, answer = here.ask("undo", ticket=item["ticket"])

    assert (status, answer["item"]["id"], answer["item"]["version"]) == (200, item["id"], 3)
    assert here.ask("undo") == (422, {"error": "There is no decision of yours to take back."})
    status, _ = here.decide(answer["item"])
    assert status == 200


def test_filters_hold_for_all_that_is_dealt(desk: DeskFor) -> None:
    three()
    wanted = make_annotation(label="jay")
    here = desk()

    found = here.items(ahead=4, filters={"label": "jay", "least": "0.4"})

    assert [item["id"] for item in found] == [str(wanted.pk)]


def test_claims_are_prolonged_and_let_go(desk: DeskFor) -> None:
    three()
    here, other = desk(), desk()
    [item] = here.items()

    assert here.ask("prolong", holding=[item["id"]]) == (200, {"kept": [item["id"]]})
    assert other.ask("prolong", holding=[item["id"]]) == (200, {"kept": []})
    closing = here.client.post(
        "/annotations/desk/leave/", {"said": json.dumps({"holding": [item["id"]]})}
    )

    assert closing.status_code == 200
    assert not ReviewClaim.objects.exists()


def test_a_ticket_is_of_one_person(desk: DeskFor) -> None:
    three()
    [item] = desk().items()

    status, answer = desk().decide(item)

    assert (status, answer["error"]) == (422, "This ticket was made for somebody else.")


def test_a_removed_annotation_is_said_to_be_gone(desk: DeskFor) -> None:
    annotation = make_annotation()
    here = desk()
    [item] = here.items()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM annotations WHERE id = %s", [annotation.pk])

    status, answer = here.decide(item)

    assert (status, answer["kind"]) == (410, "gone")


def test_a_check_cannot_be_told_from_the_others(desk: DeskFor) -> None:
    image = make_image()
    home = make_collection(image, gold_percent=100, labels=["robin", "jay"])
    known = make_annotation(image=image, label="robin")
    expert = make_user("moderator")
    deciding.decide(known.pk, Verdict(Decision.APPROVED, 1), by=expert)
    extra = ReviewExtra.objects.create(
        annotation=known, kind="gold", expected_decision="approved", expected_label="robin"
    )
    make_annotation(image=image, vision_confidence=Decimal("0.1"))
    here = desk()

    plain, check = here.items(ahead=2, filters={"collection": str(home.pk)})

    assert check["id"] == str(known.pk)
    assert set(plain) == set(check)
    assert (len(plain["ticket"]), plain["stage"]) == (len(check["ticket"]), check["stage"])
    refused = here.decide(check, label="eagle")
    assert (refused[0], "is not one of the labels" in refused[1]["error"]) == (422, True)
    refused = here.decide(check, comment="x" * 2001)
    assert (refused[0], "A comment has at most" in refused[1]["error"]) == (422, True)
    status, _ = here.decide(check, "rejected", reason="no_bird")
    assert status == 200
    review = AnnotationReview.objects.get(kind="gold")
    assert (review.agrees, review.reviewer) == (False, here.person)
    known.refresh_from_db()
    assert known.review_status == "approved"
    assert here.decide(check, "rejected", reason="no_bird")[0] == 200, "a repeat does no harm"
    status, answer = here.ask("undo", ticket=check["ticket"])
    assert (status, answer["item"]["id"]) == (200, check["id"])
    assert extra.is_open


def test_labels_are_those_of_the_collection_and_ones_own(desk: DeskFor) -> None:
    image = make_image()
    home = make_collection(image, labels=["jay", "robin"])
    make_annotation(image=image)
    make_annotation(label="finch", vision_confidence=Decimal("0.9"))
    here = desk()
    for item in here.items(ahead=2):
        here.decide(item)

    of_collection = here.client.get(f"/annotations/desk/labels/?collection={home.pk}").json()
    free = here.client.get("/annotations/desk/labels/?collection=x").json()

    assert of_collection == {"labels": ["jay", "robin"], "recent": ["robin"]}
    assert free == {"labels": [], "recent": ["finch", "robin"]}


@pytest.mark.parametrize("role", ["viewer", "api_user"])
def test_who_may_not_review_gets_nothing(desk: DeskFor, role: str) -> None:
    make_annotation()
    here = desk(role)

    response = here.client.post(
        "/annotations/desk/next/", json.dumps({}), content_type="application/json"
    )
    labels = here.client.get("/annotations/desk/labels/")

    expected = 302 if role == "api_user" else 403
    assert (response.status_code, labels.status_code) == (expected, expected)
    assert not ReviewClaim.objects.exists()


def test_a_request_from_another_site_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("analyst"))

    response = client.post("/annotations/desk/next/", "{}", content_type="application/json")

    assert response.status_code == 403


@pytest.mark.parametrize("body", ["", "[]", "null", "{", '"x"', "[" * 50_000])
def test_what_is_no_question_of_the_desk_is_refused(desk: DeskFor, body: str) -> None:
    response = desk().client.post("/annotations/desk/next/", body, content_type="application/json")

    assert response.status_code == 422
    assert "cannot be read" in response.json()["error"]
