"""Decisions: through the stages, by different people, taken back, never on what was not seen."""

from __future__ import annotations

import threading
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.utils import timezone

from accounts.models import User
from annotations.actions import claims, deciding, editing, known_answers
from annotations.actions.deciding import Verdict
from annotations.boxes import Box
from annotations.errors import (
    ChangedMeanwhile,
    LabelRefused,
    LookedAtByOther,
    NothingToUndo,
    NotNow,
    ReviewedBefore,
)
from annotations.knowledge import reviewers
from annotations.models import (
    Annotation,
    AnnotationHistory,
    AnnotationReview,
    Decision,
    ReviewClaim,
    ReviewExtra,
    ReviewKind,
)
from audit.models import Entry
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def reviewer() -> User:
    return make_user("analyst")


def approve(annotation: Annotation, by: User, **more: Any) -> AnnotationReview:
    verdict = Verdict(Decision.APPROVED, annotation.version, **more)
    return deciding.decide(annotation.pk, verdict, by=by)


def reject(annotation: Annotation, by: User, reason: str = "no_bird") -> AnnotationReview:
    verdict = Verdict(Decision.REJECTED, annotation.version, reason=reason)
    return deciding.decide(annotation.pk, verdict, by=by)


def test_an_approval_names_reviewer_moment_and_version(reviewer: User) -> None:
    annotation = make_annotation()

    review = approve(annotation, reviewer, duration_ms=900)

    annotation.refresh_from_db()
    assert (annotation.review_status, annotation.reviewed_by) == ("approved", reviewer)
    assert annotation.reviewed_at is not None
    assert (annotation.version, review.version, review.duration_ms) == (2, 1, 900)
    [earlier] = AnnotationHistory.objects.filter(annotation_id=annotation.pk)
    assert (earlier.version, earlier.review_status, earlier.reason) == (1, "pending", "approved")
    entry = Entry.objects.filter(resource_id=str(annotation.pk)).latest("id")
    assert entry.action == "annotation.approved"


def test_a_rejection_has_a_reason_out_of_the_list(reviewer: User) -> None:
    annotation = make_annotation()

    with pytest.raises(NotNow, match="A rejection has a reason: no_bird, wrong_box"):
        reject(annotation, reviewer, reason="I do not like it")
    reject(annotation, reviewer, reason="wrong_box")

    annotation.refresh_from_db()
    assert (annotation.review_status, annotation.rejection_reason) == ("rejected", "wrong_box")


def test_edits_go_in_with_the_decision_and_are_told_apart(reviewer: User) -> None:
    annotation = make_annotation(label="robin")

    review = approve(annotation, reviewer, label="  jay ", box=Box(0, 0, 0.5, 0.5))

    annotation.refresh_from_db()
    assert (annotation.label, annotation.bounding_box["bottomRight"]["x"]) == ("jay", 0.5)
    assert review.was_edited
    assert AnnotationHistory.objects.get(annotation_id=annotation.pk).label == "robin"


def test_labels_of_the_collection_alone_are_taken(reviewer: User) -> None:
    image = make_image()
    make_collection(image, labels=["Jay", "Robin"])
    annotation = make_annotation(image=image)

    with pytest.raises(LabelRefused, match="'eagle' is not one of the labels"):
        approve(annotation, reviewer, label="eagle")
    approve(annotation, reviewer, label="JAY")

    annotation.refresh_from_db()
    assert annotation.label == "Jay"


def test_three_stages_need_three_people(reviewer: User) -> None:
    image = make_image()
    make_collection(image, stages=["L1", "L2", "final"])
    annotation = make_annotation(image=image)
    assert annotation.review_stage == "L1"

    approve(annotation, reviewer)
    annotation.refresh_from_db()
    assert (annotation.review_stage, annotation.review_status) == ("L2", "pending")
    with pytest.raises(ReviewedBefore):
        approve(annotation, reviewer)
    assert claims.next_for(reviewer, claims.Filters()) is None
    approve(annotation, make_user("moderator"))
    annotation.refresh_from_db()
    assert (annotation.review_stage, annotation.review_status) == ("final", "pending")
    approve(annotation, make_user("admin"))
    annotation.refresh_from_db()
    assert annotation.review_status == "approved"


def test_a_rejection_at_the_first_stage_is_the_end(reviewer: User) -> None:
    image = make_image()
    make_collection(image, stages=["L1", "final"])
    annotation = make_annotation(image=image)

    reject(annotation, reviewer)

    annotation.refresh_from_db()
    assert (annotation.review_status, annotation.review_stage) == ("rejected", "L1")


def test_what_was_changed_meanwhile_is_not_decided_on(reviewer: User) -> None:
    annotation = make_annotation()
    seen = Annotation.objects.get(pk=annotation.pk)
    Annotation.objects.filter(pk=annotation.pk).update(label="jay")

    with pytest.raises(ChangedMeanwhile, match="changed the box or the label") as refused:
        approve(seen, reviewer)

    assert refused.value.current.label == "jay"
    assert AnnotationReview.objects.count() == 0


def test_what_somebody_decided_is_not_decided_again(reviewer: User) -> None:
    annotation = make_annotation()
    approve(annotation, make_user("moderator", full_name="Grace"))

    with pytest.raises(ChangedMeanwhile, match="approved meanwhile, by"):
        reject(annotation, reviewer)


def test_what_another_has_open_is_refused_until_the_claim_ends(reviewer: User) -> None:
    annotation, other = make_annotation(), make_user("analyst")
    assert claims.claim(annotation, by=other)

    until = ReviewClaim.objects.get().expires_at.astimezone(ZoneInfo("Asia/Tokyo"))
    with (
        timezone.override("Asia/Tokyo"),
        pytest.raises(LookedAtByOther, match=f"has this one open, until {until:%H:%M} at the"),
    ):
        approve(annotation, reviewer)
    claims.release(annotation, by=other)
    approve(annotation, reviewer)


def test_undo_brings_back_what_stood_before_edits_too(reviewer: User) -> None:
    annotation = make_annotation(label="robin")
    approve(annotation, reviewer, label="jay")

    deciding.undo(by=reviewer)

    annotation.refresh_from_db()
    assert (annotation.label, annotation.review_status, annotation.version) == (
        "robin", "pending", 3,
    )  # fmt: skip
    assert annotation.reviewed_by is None
    assert [one.decision for one in annotation.reviews.order_by("created_at")] == [
        "approved", "reopened",
    ]  # fmt: skip
    with pytest.raises(NothingToUndo):
        deciding.undo(by=reviewer)
    approve(annotation, reviewer)  # it may be decided again by the same person


def test_undo_does_not_undo_what_others_did_since(reviewer: User) -> None:
    annotation = make_annotation()
    approve(annotation, reviewer)
    Annotation.objects.filter(pk=annotation.pk).update(notes="seen by the ornithologist")

    with pytest.raises(NothingToUndo, match="changed since"):
        deciding.undo(by=reviewer)


def test_an_earlier_version_can_be_restored_and_is_reviewed_anew(reviewer: User) -> None:
    annotation = make_annotation(label="robin")
    approve(annotation, reviewer, label="jay")
    annotation.refresh_from_db()

    deciding.restore(annotation.pk, 1, by=reviewer, version=annotation.version)

    annotation.refresh_from_db()
    assert (annotation.label, annotation.review_status, annotation.version) == (
        "robin", "pending", 3,
    )  # fmt: skip


@pytest.mark.parametrize("role", ["viewer", "api_user"])
def test_who_may_not_review_does_not(role: str) -> None:
    with pytest.raises(PermissionDenied):
        approve(make_annotation(), make_user(role))


def test_a_spot_check_is_another_s_and_reopens_when_it_disagrees(reviewer: User) -> None:
    image = make_image()
    make_collection(image, spot_check_percent=100)
    annotation = make_annotation(image=image)
    approve(annotation, reviewer)
    extra = ReviewExtra.objects.get(annotation=annotation)
    assert (extra.kind, extra.avoid) == (ReviewKind.SPOT_CHECK, reviewer)

    second = make_user("moderator")
    annotation.refresh_from_db()
    verdict = Verdict(Decision.REJECTED, annotation.version, reason="wrong_label")
    review = deciding.check_again(extra, verdict, by=second)

    annotation.refresh_from_db()
    assert review.agrees is False
    assert (annotation.review_status, annotation.reviewed_by) == ("pending", None)
    with pytest.raises(ChangedMeanwhile):
        deciding.check_again(extra, verdict, by=make_user("moderator"))


def test_a_known_answer_changes_nothing_and_is_asked_once(reviewer: User) -> None:
    annotation = make_annotation(label="robin")
    extra = ReviewExtra.objects.create(
        annotation=annotation,
        kind=ReviewKind.GOLD,
        expected_decision=Decision.APPROVED,
        expected_label="Robin",
    )

    right = deciding.check_again(extra, Verdict(Decision.APPROVED, 1), by=reviewer)

    assert right.agrees is True
    annotation.refresh_from_db()
    assert (annotation.review_status, annotation.version) == ("pending", 1)
    with pytest.raises(NotNow, match="answered this one before"):
        deciding.check_again(extra, Verdict(Decision.APPROVED, 1), by=reviewer)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_decides() -> None:
    annotation = make_annotation()
    people = [make_user("analyst") for _ in range(8)]
    outcomes: list[str] = []

    def one(person: User) -> None:
        try:
            approve(annotation, person)
            outcomes.append("decided")
        except ChangedMeanwhile:
            outcomes.append("refused")
        finally:
            connections.close_all()

    crew = [threading.Thread(target=one, args=[person]) for person in people]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()

    assert sorted(outcomes) == ["decided", *["refused"] * 7]
    assert AnnotationReview.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["changed", "restored"])
def test_what_is_reviewed_anew_checks_nobody_any_more(reviewer: User, how: str) -> None:
    annotation, expert = make_annotation(label="robin"), make_user("moderator")
    approve(annotation, expert, label="wren")
    known_answers.make_known([annotation.pk], by=expert)
    annotation.refresh_from_db()

    if how == "changed":
        editing.change(annotation, label="jay", by=reviewer)
    else:
        deciding.restore(annotation.pk, 1, by=reviewer, version=annotation.version)
    annotation.refresh_from_db()
    approve(annotation, expert)

    # A reviewer who says "wren" now would be called right, and one who says what it is, wrong.
    assert not known_answers.is_known(annotation)
    assert not ReviewExtra.objects.filter(is_open=True).exists()


@pytest.mark.django_db
def test_a_decision_that_falls_by_restoring_is_over_for_who_made_it(reviewer: User) -> None:
    image, second = make_image(), make_user("moderator")
    make_collection(image, stages=["L1", "final"])
    annotation = make_annotation(image=image)
    approve(annotation, reviewer)
    annotation.refresh_from_db()
    approve(annotation, second)
    annotation.refresh_from_db()

    deciding.restore(annotation.pk, 1, by=make_user("admin"), version=annotation.version)
    annotation.refresh_from_db()
    approve(annotation, second)

    annotation.refresh_from_db()
    assert (annotation.review_stage, annotation.review_status) == ("final", "pending")
    [row] = [one for one in reviewers.reviewers() if one.id == reviewer.pk]
    assert row.decisions == 1
    [row] = [one for one in reviewers.reviewers() if one.id == second.pk]
    assert (row.decisions, row.overturned) == (2, 1)


@pytest.mark.django_db
def test_a_second_pair_of_eyes_is_needed_again_after_a_reopening(reviewer: User) -> None:
    image, second = make_image(), make_user("moderator")
    make_collection(image, stages=["L1", "final"])
    annotation = make_annotation(image=image)
    for person in (reviewer, second):
        approve(annotation, person)
        annotation.refresh_from_db()
    deciding.reopen(annotation.pk, by=second, version=annotation.version)
    annotation.refresh_from_db()

    approve(annotation, reviewer)  # what was reopened since begins anew
    annotation.refresh_from_db()
    assert annotation.review_stage == "final"
    with pytest.raises(ReviewedBefore):  # but this approval came after
        approve(annotation, reviewer)


@pytest.mark.django_db
def test_what_was_taken_back_checks_nobody(reviewer: User) -> None:
    image = make_image()
    make_collection(image, spot_check_percent=100)
    annotation = make_annotation(image=image)
    approve(annotation, reviewer)
    assert ReviewExtra.objects.get().is_open

    deciding.undo(by=reviewer)

    assert not ReviewExtra.objects.get().is_open
