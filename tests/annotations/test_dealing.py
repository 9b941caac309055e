"""Checks of reviewers among what waits: their share, once each, never of one's own decisions."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.models import User
from annotations.actions import claims, dealing, deciding
from annotations.actions.claims import Filters
from annotations.actions.deciding import Verdict
from annotations.models import Annotation, Decision, ReviewClaim, ReviewExtra
from imaging.models import Image
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db


def decided(image: Image, by: User) -> Annotation:
    made = make_annotation(image=image, vision_confidence=Decimal("0.99"))
    deciding.decide(made.pk, Verdict(Decision.APPROVED, made.version), by=by)
    return made


def gold(image: Image, by: User) -> ReviewExtra:
    return ReviewExtra.objects.create(
        annotation=decided(image, by),
        kind="gold",
        expected_decision="approved",
        expected_label="robin",
    )


def round_of(by: User, filters: Filters | None = None) -> list[tuple[UUID, bool]]:
    """Everything dealt until the queue is at its end: the annotation, and whether it is a check."""
    found: list[tuple[UUID, bool]] = []
    step = None
    while True:
        dealt = dealing.next_for(
            by, filters or Filters(), after=step, holding={key for key, _ in found}
        )
        if dealt is None:
            return found
        found.append((dealt.annotation.pk, dealt.extra is not None))
        step = dealt.step


def test_without_a_share_no_check_is_dealt() -> None:
    image, expert = make_image(), make_user("moderator")
    make_collection(image)
    gold(image, expert)
    waiting = [make_annotation(image=image, vision_confidence=Decimal(f"0.{n}")) for n in range(3)]

    assert round_of(make_user("analyst")) == [(one.pk, False) for one in waiting]


def test_each_check_comes_once_between_what_waits() -> None:
    image, expert = make_image(), make_user("moderator")
    make_collection(image, gold_percent=100)
    checks = {gold(image, expert).annotation_id for _ in range(2)}
    waiting = [make_annotation(image=image, vision_confidence=Decimal(f"0.{n}")) for n in range(4)]

    dealt = round_of(make_user("analyst"))

    assert [is_check for _, is_check in dealt] == [False, True, False, True, False, False]
    assert {key for key, is_check in dealt if is_check} == checks
    assert [key for key, is_check in dealt if not is_check] == [one.pk for one in waiting]


def test_an_answered_check_does_not_come_again() -> None:
    image, expert, person = make_image(), make_user("moderator"), make_user("analyst")
    make_collection(image, gold_percent=100)
    extra = gold(image, expert)
    first = make_annotation(image=image, vision_confidence=Decimal("0.1"))
    make_annotation(image=image, vision_confidence=Decimal("0.2"))
    deciding.check_again(extra, Verdict(Decision.APPROVED, 2), by=person)

    assert [is_check for _, is_check in round_of(person)] == [False, False]
    ReviewClaim.objects.all().delete()
    assert any(is_check for _, is_check in round_of(make_user("analyst")))
    assert first.review_status == "pending"


def test_nobody_is_checked_with_a_decision_of_their_own() -> None:
    image, person = make_image(), make_user("analyst")
    home = make_collection(image, spot_check_percent=100)
    decided(image, person)
    assert ReviewExtra.objects.get().avoid == person
    make_annotation(image=image)

    assert [is_check for _, is_check in round_of(person)] == [False]
    waits = make_annotation(image=image, vision_confidence=Decimal("0.6"))
    other = make_user("analyst")
    claims.release_all(by=person)
    assert [is_check for _, is_check in round_of(other)] == [False, True, False]
    assert waits.collection_id == home.pk


def test_the_share_holds_and_is_the_same_each_time() -> None:
    person, other = make_user("analyst"), make_user("analyst")
    keys = [make_annotation().pk for _ in range(60)]

    drawn = [dealing.draw(person, key) for key in keys]

    assert drawn == [dealing.draw(person, key) for key in keys]
    assert drawn != [dealing.draw(other, key) for key in keys]
    assert all(0 <= one < 100 for one in drawn)
    many = [dealing.draw(person, UUID(int=number)) for number in range(20_000)]
    assert abs(sum(one < 5 for one in many) / len(many) - 0.05) < 0.01


def test_checks_keep_to_the_filters_but_for_the_stage() -> None:
    image, expert, person = make_image(), make_user("moderator"), make_user("analyst")
    make_collection(image, gold_percent=100, stages=["L1", "final"])
    made = make_annotation(image=image, label="jay")
    deciding.decide(made.pk, Verdict(Decision.REJECTED, 1, reason="no_bird"), by=expert)
    ReviewExtra.objects.create(annotation=made, kind="gold", expected_decision="rejected")
    make_annotation(image=image, label="robin")
    jay = make_annotation(image=image, label="jay", vision_confidence=Decimal("0.9"))

    assert round_of(person, Filters(label="robin"))[0][1] is False
    assert len(round_of(person, Filters(label="robin"))) == 1
    found = round_of(person, Filters(label="jay", stage="L1"))
    assert found == [(jay.pk, False), (made.pk, True)]


@pytest.mark.parametrize("whose", ["decided elsewhere", "named by the check"])
def test_a_decision_of_one_s_own_without_a_review_here_is_no_check_either(whose: str) -> None:
    """An imported decision has no row among the reviews, and a check may name whom to avoid."""
    image, person, expert = make_image(), make_user("analyst"), make_user("moderator")
    home = make_collection(image, spot_check_percent=100)
    by = person if whose == "decided elsewhere" else expert
    known = make_annotation(
        image=image,
        collection=home,
        review_status="approved",
        reviewed_by=by,
        reviewed_at=timezone.now(),
    )
    ReviewExtra.objects.create(
        annotation=known,
        kind="spot_check",
        expected_decision="approved",
        expected_label="robin",
        avoid=None if whose == "decided elsewhere" else person,
    )
    make_annotation(image=image)

    assert [is_check for _, is_check in round_of(person)] == [False]
    claims.release_all(by=person)
    assert [is_check for _, is_check in round_of(make_user("analyst"))] == [False, True]
