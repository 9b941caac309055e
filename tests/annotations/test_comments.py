"""What a reviewer says with a decision: plain text with an end."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from annotations import comments
from annotations.actions import deciding
from annotations.actions.deciding import Verdict
from annotations.errors import CommentRefused
from annotations.models import AnnotationReview, Decision
from tests.annotations.admin.conftest import Desk
from tests.annotations.making import make_annotation
from tests.factories import make_user


def test_a_comment_keeps_its_lines_and_loses_stray_space() -> None:
    assert comments.clean("  Tail:\r\n\tlong,  \n\nforked.\n ") == "Tail:\n long,\n\nforked."
    assert comments.clean("e\u0301") == "\u00e9"
    assert comments.clean(" \n ") == ""


@pytest.mark.parametrize("wrong", ["a\x00b", "a\x1bb", "a\ud800b"])
def test_control_characters_are_refused(wrong: str) -> None:
    with pytest.raises(CommentRefused, match="plain text"):
        comments.clean(wrong)


def test_a_comment_that_is_too_long_is_refused_and_not_cut() -> None:
    assert comments.clean("x" * 2000) == "x" * 2000
    with pytest.raises(CommentRefused, match=r"at most 2,000 characters; this one has 2,001\."):
        comments.clean("x" * 2001)


@pytest.mark.django_db
def test_a_comment_goes_with_the_desks_decision() -> None:
    make_annotation()
    here = Desk(make_user("analyst"))
    [item] = here.items()

    status, answer = here.decide(item, comment="x" * 2001)
    assert (status, "at most 2,000" in answer["error"]) == (422, True)
    assert not AnnotationReview.objects.exists()
    assert here.decide(item, comment=" the tail\n<b>forked</b> ")[0] == 200

    assert AnnotationReview.objects.get().comment == "the tail\n<b>forked</b>"


@pytest.mark.django_db
def test_a_comment_that_was_refused_comes_along_when_the_decision_is_taken_over() -> None:
    annotation = make_annotation()
    here = Desk(make_user("analyst"))
    [item] = here.items()
    here.ask("leave", holding=[item["id"]])
    other = make_user("moderator")
    deciding.decide(annotation.pk, Verdict(Decision.REJECTED, 1, reason="no_bird"), by=other)

    here.decide(item, comment="look again", version=2, take_over=True)

    review = AnnotationReview.objects.get(decision="approved")
    assert (review.comment, review.reviewer) == ("look again", here.person)


@pytest.mark.django_db
def test_the_page_tells_a_comment_with_its_decision_and_its_version() -> None:
    annotation, person = make_annotation(), make_user("analyst")
    verdict = Verdict(Decision.APPROVED, 1, comment="<i>see the tail</i>")
    deciding.decide(annotation.pk, verdict, by=person)
    client = Client()
    client.force_login(make_user("viewer"))
    address = f"/annotations/annotation/{annotation.pk}/change/"
    escaped = "&lt;i&gt;see the tail&lt;/i&gt;"

    standing = client.get(address).content.decode()
    deciding.undo(by=person)
    taken_back = client.get(address).content.decode()

    assert standing.count(escaped) == 3  # in the facts, the decisions, the versions
    assert taken_back.count(escaped) == 2  # it stays told of the decision that is taken back
    assert "<i>see" not in standing + taken_back


@pytest.mark.django_db
def test_plain_sql_writes_no_endless_comment_either() -> None:
    annotation = make_annotation(vision_confidence=Decimal("0.5"))
    row = AnnotationReview(
        annotation=annotation,
        reviewer=make_user("analyst"),
        stage="final",
        decision="approved",
        comment="x" * 2001,
        bounding_box={},
        version=1,
    )

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        row.save(force_insert=True)

    assert isinstance(refused.value.__cause__, psycopg.errors.CheckViolation)
    assert refused.value.__cause__.diag.constraint_name == "annotation_reviews_comment_check"
