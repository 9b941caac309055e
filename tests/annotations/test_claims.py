"""The queue of the desk: the least certain first, and nobody sees what another looks at."""

from __future__ import annotations

import threading
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from annotations.actions import claims
from annotations.actions.claims import Filters, Place
from annotations.models import Annotation, ReviewClaim
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db


def of(confidence: str, **given: object) -> Annotation:
    return make_annotation(vision_confidence=Decimal(confidence), **given)


def test_the_least_certain_comes_first_by_what_confidence_has_meant() -> None:
    person = make_user("analyst")
    sure, unsure = of("0.9"), of("0.2")
    overrated = of("0.95", calibrated_confidence=Decimal("0.1"))

    order = []
    place = None
    for _ in range(3):
        found = claims.next_for(person, Filters(), after=place)
        assert found is not None
        order.append(found.pk)
        place = Place(found.review_rank, found.pk)

    assert order == [overrated.pk, unsure.pk, sure.pk]
    again = claims.next_for(person, Filters(), after=place)
    assert again is not None
    assert again.pk == overrated.pk, "at the end it begins again"


def test_previous_goes_back() -> None:
    person = make_user("analyst")
    first, second = of("0.1"), of("0.2")

    found = claims.next_for(person, Filters(), before=Place(second.review_rank, second.pk))

    assert found is not None
    assert found.pk == first.pk


@pytest.mark.parametrize("way", ["after", "before"])
def test_a_place_deep_in_the_queue_is_found_by_the_index(way: str) -> None:
    person, here = make_user("analyst"), of("0.5")
    of("0.5")

    with CaptureQueriesContext(connection) as captured:
        claims.next_for(person, Filters(), **{way: Place(here.review_rank, here.pk)})
    asked = next(q["sql"] for q in captured.captured_queries if "skip locked" in q["sql"].lower())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {asked}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "idx_annotations_desk" in plan
    assert "Index Cond: (ROW(review_rank, id)" in plan


def test_filters_are_kept_to() -> None:
    person = make_user("analyst")
    image = make_image()
    wanted = of("0.5", label="jay", vision_provider="openai", image=image)
    collection = make_collection(image, stages=["L1", "final"])
    of("0.1")

    for filters in (
        Filters(label="jay"),
        Filters(provider="openai"),
        Filters(image=image.pk),
        Filters(collection=collection.pk),
        Filters(stage="L1"),
        Filters(least=Decimal("0.4")),
    ):
        found = claims.next_for(person, filters)
        assert found is not None
        assert found.pk == wanted.pk, filters
    assert claims.next_for(person, Filters(most=Decimal("0.05"))) is None


def test_a_claim_ends_by_itself_and_when_somebody_leaves() -> None:
    annotation, first, second = of("0.5"), make_user("analyst"), make_user("analyst")
    assert claims.next_for(first, Filters()) is not None
    assert claims.next_for(second, Filters()) is None

    ReviewClaim.objects.update(expires_at=timezone.now())
    assert claims.next_for(second, Filters()) is not None
    assert not claims.prolong(annotation.pk, by=first)
    assert claims.prolong(annotation.pk, by=second)
    assert claims.release_all(by=second) == 1
    assert claims.next_for(first, Filters()) is not None


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_never_get_the_same() -> None:
    for number in range(40):
        of(f"0.{number:02}")
    got: list[tuple[UUID, UUID]] = []
    people = [make_user("analyst") for _ in range(8)]

    def one(person: User) -> None:
        try:
            for _ in range(5):
                found = claims.next_for(
                    person,
                    Filters(),
                    after=Place(got_last[person.pk].review_rank, got_last[person.pk].pk)
                    if person.pk in got_last
                    else None,
                )
                assert found is not None
                got_last[person.pk] = found
                got.append((person.pk, found.pk))
        finally:
            connections.close_all()

    got_last: dict[UUID, Annotation] = {}
    crew = [threading.Thread(target=one, args=[person]) for person in people]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()

    assert len(got) == 40
    assert len({key for _, key in got}) == 40


def test_a_claim_is_taken_over_when_it_has_run_out_and_not_before() -> None:
    annotation, holder, other = of("0.5"), make_user("analyst"), make_user("analyst")
    assert claims.claim(annotation, by=holder)

    assert not claims.claim(annotation, by=other)
    assert ReviewClaim.objects.get().reviewer == holder
    ReviewClaim.objects.update(expires_at=timezone.now())
    assert claims.claim(annotation, by=other)

    assert ReviewClaim.objects.get().reviewer == other
