"""Known answers through the API: for whoever runs the review, and hidden from whom they check."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from annotations.actions import claims, dealing, deciding, known_answers
from annotations.actions.claims import Filters
from annotations.actions.deciding import Verdict
from annotations.models import Annotation, AnnotationReview, Decision, ReviewExtra
from audit.models import Entry
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user
from tests.imaging.api.conftest import Caller, CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db
LIST = "/api/v1/known-answers/"


def decided(**given: Any) -> Annotation:
    """An annotation that an expert approved."""
    made = make_annotation(**given)
    deciding.decide(made.pk, Verdict(Decision.APPROVED, 1), by=make_user("admin"))
    return made


def withdrawn(person: Caller, address: str, **headers: str) -> Any:
    """The answer to withdrawing one."""
    return person._send("delete", address, {}, headers)


def test_a_decided_annotation_is_marked_listed_and_withdrawn(caller: CallerOf) -> None:
    image = make_image()
    home = make_collection(image)
    annotation, person = decided(image=image, label="robin"), caller("moderator")

    made = person.post(LIST, {"annotation_id": str(annotation.pk)})
    again = person.post(LIST, {"annotation_id": str(annotation.pk)})

    assert (made.status_code, again.status_code) == (201, 200)
    known = made.json()
    assert known == again.json() == person.get(made["Location"]).json()
    assert (known["annotation_id"], known["collection_id"]) == (str(annotation.pk), str(home.pk))
    assert (known["expected_decision"], known["expected_label"]) == ("approved", "robin")
    assert person.get(LIST).json()["results"] == [known]
    problem(withdrawn(person, made["Location"]), 428, "precondition-required")
    assert withdrawn(person, made["Location"], If_Match=made["ETag"]).status_code == 204
    assert person.get(LIST).json()["results"] == []
    problem(person.get(made["Location"]), 404, "not-found")
    assert person.post(LIST, {"annotation_id": str(annotation.pk)}).status_code == 201
    entries = Entry.objects.filter(action__startswith="annotation.made_").order_by("created_at")
    assert list(entries.values_list("action", flat=True)) == [
        "annotation.made_known",
        "annotation.made_unknown",
        "annotation.made_known",
    ]


def test_the_list_is_narrowed(caller: CallerOf) -> None:
    image = make_image()
    home = make_collection(image)
    here, elsewhere = decided(image=image), decided()
    person = caller("moderator")
    for one in (here, elsewhere):
        person.post(LIST, {"annotation_id": str(one.pk)})

    def found(**wanted: Any) -> set[UUID]:
        answer = person.get(LIST, wanted).json()
        return {UUID(one["annotation_id"]) for one in answer["results"]}

    assert found() == {here.pk, elsewhere.pk}
    assert found(collection_id=str(home.pk)) == {here.pk}
    assert found(annotation_id=str(elsewhere.pk)) == {elsewhere.pk}
    assert found(expected_decision="rejected") == set()
    assert wrong_fields(person.get(LIST, {"expected_decision": "reopened"})) == {
        "expected_decision"
    }


def test_what_waits_or_is_not_there_has_no_known_answer(caller: CallerOf) -> None:
    person = caller("moderator")

    told = problem(person.post(LIST, {"annotation_id": str(make_annotation().pk)}), 409, "conflict")

    assert "has no known answer" in told["detail"]
    assert wrong_fields(person.post(LIST, {"annotation_id": str(uuid4())})) == {"annotation_id"}
    assert wrong_fields(person.post(LIST, {})) == {"annotation_id"}
    assert not ReviewExtra.objects.exists()


def test_what_is_reviewed_anew_is_listed_no_more(caller: CallerOf) -> None:
    annotation, person = decided(), caller("moderator")
    made = person.post(LIST, {"annotation_id": str(annotation.pk)})

    deciding.reopen(annotation.pk, by=make_user("analyst"), version=2)

    problem(withdrawn(person, made["Location"], If_Match="*"), 404, "not-found")
    assert person.get(LIST).json()["results"] == []


def test_a_spot_check_is_no_known_answer(caller: CallerOf) -> None:
    spot = ReviewExtra.objects.create(
        annotation=decided(), kind="spot_check", expected_decision="approved"
    )
    person = caller("moderator")

    assert person.get(LIST).json()["results"] == []
    problem(withdrawn(person, f"{LIST}{spot.pk}/", If_Match="*"), 404, "not-found")


def test_whoever_is_checked_learns_nothing_of_the_checks(caller: CallerOf) -> None:
    """No endpoint tells which of the items at the desk has a known answer, before or after."""
    image = make_image()
    home = make_collection(image, gold_percent=100)
    known, waits = decided(image=image), make_annotation(image=image)
    known_answers.make_known([known.pk], by=make_user("moderator"))
    reviewer, colleague, leads = caller("analyst"), caller("analyst"), caller("moderator")
    assert reviewer.user is not None
    first = claims.next_for(reviewer.user, Filters(collection=home.pk))
    assert first == waits
    step = dealing.Step(claims.Place(waits.review_rank, waits.pk))
    check = dealing.next_for(reviewer.user, Filters(collection=home.pk), after=step)
    assert check is not None
    assert check.extra is not None
    deciding.check_again(check.extra, Verdict(Decision.APPROVED, 2), by=reviewer.user)
    answer = AnnotationReview.objects.get(kind="gold")

    for person in (reviewer, colleague):
        problem(person.get(LIST), 403, "not-allowed")
        problem(person.get(f"{LIST}{check.extra.pk}/"), 403, "not-allowed")
        reviews = person.get("/api/v1/reviews/", {"annotation_id": str(known.pk)}).json()
        assert [one["kind"] for one in reviews["results"]] == ["review"]
        assert person.get("/api/v1/reviews/", {"kind": "gold"}).json()["results"] == []
        problem(person.get(f"/api/v1/reviews/{answer.pk}/"), 404, "not-found")
        plain = person.get(f"/api/v1/annotations/{waits.pk}/").json()
        assert set(person.get(f"/api/v1/annotations/{known.pk}/").json()) == set(plain)

    assert leads.get(f"/api/v1/reviews/{answer.pk}/").json()["kind"] == "gold"
