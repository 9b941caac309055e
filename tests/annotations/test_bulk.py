"""Many decisions at once: as good as one by one, and no decision of others overrun."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from annotations.actions import bulk, claims, deciding
from annotations.actions.claims import Filters
from annotations.actions.deciding import Verdict
from annotations.errors import NotNow
from annotations.models import (
    Annotation,
    AnnotationHistory,
    AnnotationReview,
    BatchJob,
    Decision,
    ReviewExtra,
    ReviewKind,
)
from audit.models import Entry
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db


def test_each_has_its_review_its_history_and_its_entry() -> None:
    image, person = make_image(), make_user("analyst")
    for _ in range(5):
        make_annotation(image=image)

    done = list(bulk.decide_all(Filters(), Decision.APPROVED, by=person))

    assert [count for count, _ in done] == [5]
    assert Annotation.objects.filter(review_status="approved", reviewed_by=person).count() == 5
    assert AnnotationReview.objects.filter(decision="approved", version=1).count() == 5
    assert AnnotationHistory.objects.filter(reason="approved, in bulk").count() == 5
    assert Entry.objects.filter(action="annotation.approved").count() == 5


def test_what_another_looks_at_or_decided_is_left_alone() -> None:
    image, person, other = make_image(), make_user("analyst"), make_user("analyst")
    held, decided, free = (make_annotation(image=image) for _ in range(3))
    claims.claim(held, by=other)
    deciding.decide(decided.pk, Verdict(Decision.REJECTED, 1, reason="no_bird"), by=other)

    list(bulk.decide_all(Filters(), Decision.APPROVED, by=person))

    assert Annotation.objects.get(pk=free.pk).review_status == "approved"
    assert Annotation.objects.get(pk=held.pk).review_status == "pending"
    assert Annotation.objects.get(pk=decided.pk).review_status == "rejected"


def test_stages_are_gone_through_one_at_a_time_by_different_people() -> None:
    image, first, second = make_image(), make_user("analyst"), make_user("moderator")
    make_collection(image, stages=["L1", "final"])
    annotation = make_annotation(image=image)

    list(bulk.decide_all(Filters(), Decision.APPROVED, by=first))
    annotation.refresh_from_db()
    assert (annotation.review_status, annotation.review_stage) == ("pending", "final")
    assert list(bulk.decide_all(Filters(), Decision.APPROVED, by=first)) == []
    list(bulk.decide_all(Filters(), Decision.APPROVED, by=second))

    annotation.refresh_from_db()
    assert (annotation.review_status, annotation.reviewed_by) == ("approved", second)


def test_a_share_of_what_is_decided_for_good_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make_user("analyst"), make_user("moderator")
    image = make_image()
    make_collection(image, stages=["L1", "final"], spot_check_percent=50)
    made = [make_annotation(image=image, label=f"bird {n}") for n in range(4)]
    make_annotation(image=make_image())  # in no collection
    thrown = iter([49.9, 50.0, 3.0, 99.0] * 2)
    monkeypatch.setattr(random.SystemRandom, "uniform", lambda *_: next(thrown))

    list(bulk.decide_all(Filters(), Decision.APPROVED, by=first))
    assert not ReviewExtra.objects.exists(), "they go on to the next stage"
    list(bulk.decide_all(Filters(), Decision.REJECTED, by=second, reason="no_bird"))

    assert set(
        ReviewExtra.objects.values_list(
            "annotation_id", "kind", "expected_decision", "expected_label", "avoid_id", "is_open"
        )
    ) == {
        (one.pk, ReviewKind.SPOT_CHECK, "rejected", one.label, second.pk, True)
        for one in sorted(made, key=lambda one: one.pk)[::2]
    }


def test_what_is_decided_anew_is_checked_anew() -> None:
    image, first, second = make_image(), make_user("analyst"), make_user("moderator")
    make_collection(image, spot_check_percent=100)
    annotation = make_annotation(image=image)
    list(bulk.decide_all(Filters(), Decision.APPROVED, by=first))
    deciding.reopen(annotation.pk, by=first, version=2)
    assert not ReviewExtra.objects.filter(is_open=True).exists()

    list(bulk.decide_all(Filters(), Decision.REJECTED, by=second, reason="no_bird"))

    extra = ReviewExtra.objects.get()
    assert (extra.expected_decision, extra.avoid, extra.is_open) == ("rejected", second, True)


def test_filters_bound_what_is_decided_and_a_rejection_has_its_reason() -> None:
    image, person = make_image(), make_user("analyst")
    low = make_annotation(image=image, vision_confidence=Decimal("0.1"))
    high = make_annotation(image=image, vision_confidence=Decimal("0.9"))

    filters = Filters(most=Decimal("0.5"))
    list(bulk.decide_all(filters, Decision.REJECTED, by=person, reason="no_bird"))

    low.refresh_from_db()
    high.refresh_from_db()
    assert (low.review_status, low.rejection_reason) == ("rejected", "no_bird")
    assert high.review_status == "pending"


def test_a_batch_is_queued_with_its_filters_or_refused() -> None:
    person = make_user("analyst")
    with pytest.raises(NotNow, match="Nothing that fits"):
        bulk.request(Filters(), Decision.APPROVED, by=person)
    make_annotation()
    make_annotation()
    with pytest.raises(NotNow, match="More than 1 annotations fit"):
        bulk.request(Filters(), Decision.APPROVED, by=person, most=1)
    with pytest.raises(NotNow, match="A rejection has a reason"):
        bulk.request(Filters(), Decision.REJECTED, by=person)
    with pytest.raises(PermissionDenied):
        bulk.request(Filters(), Decision.APPROVED, by=make_user("viewer"))

    filters = Filters(label="robin", most=Decimal("0.6"))
    job = bulk.request(filters, Decision.APPROVED, by=person)

    assert (job.item_count, job.job_type) == (2, "approve")
    stored = BatchJob.objects.get(pk=job.pk)
    assert Filters.from_json(stored.parameters["filters"]) == filters


def test_what_changed_since_it_was_chosen_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    image, person = make_image(), make_user("analyst")
    same, other = (make_annotation(image=image, label="robin") for _ in range(2))
    real = bulk._by_stage

    def late(*chosen: Any) -> Any:
        Annotation.objects.filter(pk=other.pk).update(label="jay")
        return real(*chosen)

    monkeypatch.setattr(bulk, "_by_stage", late)
    list(bulk.decide_all(Filters(label="robin"), Decision.APPROVED, by=person))

    same.refresh_from_db()
    other.refresh_from_db()
    assert (same.review_status, other.review_status) == ("approved", "pending")


def test_each_batch_begins_behind_the_last_key_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    image, person = make_image(), make_user("analyst")
    made = sorted((make_annotation(image=image) for _ in range(5)), key=lambda one: one.pk)
    claims.claim(made[0], by=make_user("analyst"))  # left alone, and not come back to

    done = list(bulk.decide_all(Filters(), Decision.APPROVED, by=person))

    assert done == [(1, made[1].pk), (2, made[3].pk), (1, made[4].pk)]
