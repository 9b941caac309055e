"""Reviewers: their times, what was reversed, whether they agree, what they know."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from annotations.knowledge import reviewers
from annotations.knowledge.intervals import wilson
from annotations.knowledge.reviewers import ALWAYS, Period, Reviewer
from annotations.models import Annotation, AnnotationReview
from tests.annotations.knowledge.deciding import said, waiting
from tests.factories import make_user

Say = Callable[..., AnnotationReview]


@pytest.fixture
def ana(db: None) -> User:
    return make_user("moderator", full_name="Ana")


@pytest.fixture
def ben(db: None) -> User:
    return make_user("moderator", full_name="Ben")


@pytest.fixture
def rows(db: None) -> list[Annotation]:
    return waiting(["0.5"] * 12)


def one(user: User, period: Period = ALWAYS) -> Reviewer:
    return next(row for row in reviewers.reviewers(period) if row.id == user.pk)


def test_decisions_are_counted_with_their_times(ana: User, rows: list[Annotation]) -> None:
    for i, row in enumerate(rows[:5]):
        decision = "approved" if i < 3 else "rejected"
        said(row, ana, decision, duration_ms=1000 * (i + 1), was_edited=i == 0)
    said(rows[5], ana, "approved")  # nobody measured

    found = one(ana)

    assert (found.decisions, found.approved, found.rejected, found.edited) == (6, 4, 2, 1)
    assert found.seconds_p50 == 3
    assert found.seconds_p95 == pytest.approx(4.8)
    assert (found.name, found.email) == ("Ana", ana.email)


def test_what_was_taken_back_and_what_others_overturned(
    ana: User, ben: User, rows: list[Annotation]
) -> None:
    stands, undone, reopened, overruled, confirmed = rows[:5]
    said(stands, ana, "approved")
    said(undone, ana, "approved")
    said(undone, ana, "reopened")
    said(reopened, ana, "approved")
    said(reopened, ben, "reopened")
    said(overruled, ana, "approved", stage="L1")
    said(overruled, ben, "rejected")
    said(confirmed, ana, "approved", stage="L1")
    said(confirmed, ben, "approved")

    found = one(ana)

    assert (found.decisions, found.taken_back, found.overturned) == (5, 1, 2)
    assert (found.reversed.right, found.reversed.total) == (3, 5)
    assert one(ben).decisions == 2  # taking back decides nothing


def test_a_reversal_after_the_period_counts_for_the_decision_in_it(
    ana: User, ben: User, rows: list[Annotation]
) -> None:
    now = timezone.now()
    said(rows[0], ana, "approved", created_at=now - timedelta(days=3))
    said(rows[0], ben, "reopened", created_at=now)

    assert one(ana, Period(until=now - timedelta(days=1))).overturned == 1


def test_known_answers_and_spot_checks_have_shares_with_intervals(
    ana: User, rows: list[Annotation]
) -> None:
    for i, row in enumerate(rows[:10]):
        said(row, ana, "approved", kind="gold", agrees=i < 9)
    said(rows[10], ana, "rejected", kind="spot_check", agrees=False)

    found = one(ana)

    assert (found.gold.right, found.gold.total, found.gold.value) == (9, 10, 0.9)
    assert found.gold.interval == wilson(9, 10)
    assert found.spot_checks.value == 0
    assert found.decisions == 0
    assert found.reversed.value is None


def test_two_agree_over_what_both_saw(ana: User, ben: User, rows: list[Annotation]) -> None:
    # Both approve four, both reject three, once each says no to the other's yes.
    for i, row in enumerate(rows[:9]):
        said(row, ana, "approved" if i < 4 or i == 7 else "rejected")
        said(row, ben, "approved" if i < 4 or i == 8 else "rejected", kind="spot_check")
    said(rows[9], ana, "approved")

    ((pair, found),) = reviewers.agreement_of_pairs().items()

    assert set(pair) == {ana.pk, ben.pk}
    assert found.items == 9
    assert found.value == pytest.approx((7 / 9 - 41 / 81) / (1 - 41 / 81))
    assert reviewers.agreement_of_all().items == 9
    assert reviewers.agreement_of_all().value == pytest.approx(found.value, abs=0.05)


def test_the_last_word_counts_and_what_was_taken_back_does_not(
    ana: User, ben: User, rows: list[Annotation]
) -> None:
    said(rows[0], ana, "approved")
    said(rows[0], ana, "reopened")
    said(rows[0], ben, "approved")
    for word in ("approved", "reopened", "rejected"):
        said(rows[1], ana, word)
    said(rows[1], ben, "rejected")

    (found,) = reviewers.agreement_of_pairs().values()

    assert (found.items, found.observed, found.value) == (1, 1, None)


def test_by_label_another_word_is_another_answer(
    ana: User, ben: User, rows: list[Annotation]
) -> None:
    for row, first, second in zip(
        rows, ("robin", "robin", "wren"), ("Robin ", "wren", "wren"), strict=False
    ):
        said(row, ana, "approved", label=first)
        said(row, ben, "approved", label=second)

    (by_decision,) = reviewers.agreement_of_pairs().values()
    (by_label,) = reviewers.agreement_of_pairs(by_label=True).values()

    assert by_decision.observed == 1
    assert by_label.observed == pytest.approx(2 / 3)


def test_times_are_counted_in_bins_that_hold_their_lower_end(
    ana: User, rows: list[Annotation]
) -> None:
    for row, duration in zip(rows, (0, 499, 500, 4999, 5000, 300_000, 900_000), strict=False):
        said(row, ana, "approved", duration_ms=duration)
    said(rows[8], ana, "reopened", duration_ms=1)

    counts = reviewers.deciding_times()

    assert len(counts) == len(reviewers.TIMES) + 1
    assert sum(counts) == 7
    assert counts[:2] == [2, 1]  # up to half a second, up to one
    assert counts[reviewers.TIMES.index(5)] == 1
    assert counts[-1] == 2


def test_days_are_those_of_utc(ana: User, ben: User, rows: list[Annotation]) -> None:
    late = timezone.now().replace(hour=23, minute=59, second=59)
    said(rows[0], ana, "approved", created_at=late - timedelta(days=2))
    said(rows[1], ana, "approved", created_at=late - timedelta(days=1))
    said(rows[1], ben, "reopened", created_at=late - timedelta(days=1))
    said(rows[2], ben, "rejected", created_at=late - timedelta(days=1))

    found = reviewers.per_day(Period(since=late - timedelta(days=1, hours=1)))

    assert found == {(late - timedelta(days=1)).date(): {ana.pk: 1, ben.pk: 1}}


def test_of_no_decisions_there_is_nothing_to_say(db: None) -> None:
    assert reviewers.reviewers() == []
    assert reviewers.agreement_of_pairs() == {}
    assert reviewers.agreement_of_all().value is None
    assert sum(reviewers.deciding_times()) == 0


# --- The command ----------------------------------------------------------------------------------


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("reviewer_report", *arguments, stdout=out)
    return out.getvalue()


def test_the_report_is_readable(ana: User, ben: User, rows: list[Annotation]) -> None:
    for row in rows[:2]:
        said(row, ana, "approved", duration_ms=1500)
        said(row, ben, "approved", kind="gold", agrees=True)

    text = run()

    assert "Ana: 2 decisions, 1.5 s each (p95 1.5 s), 0 taken back, 0 overturned" in text
    assert "Ben: 0 decisions, 2 of 2 known answers right (34% to 100%)" in text
    assert "kappa not defined over 2 annotations that both saw" in text


def test_the_report_is_json_and_pictures(
    ana: User, ben: User, rows: list[Annotation], tmp_path: Path
) -> None:
    for row, word in zip(rows, ("approved", "rejected"), strict=False):
        said(row, ana, word, duration_ms=1500)
        said(row, ben, word)

    outcome = json.loads(run("--json", "--by-label", "--pictures", tmp_path / "new"))

    assert outcome["pairs"][0]["value"] == 1
    assert outcome["all"]["items"] == 2
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["agreement.svg", "days.svg", "times.svg"]
    assert len(outcome["pictures"]) == 3


def test_a_directory_that_cannot_be_written_is_named(db: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CommandError, match="file cannot be written to"):
        run("--pictures", tmp_path / "file")


def test_nobody_decided_anything_is_said(db: None) -> None:
    assert "Nobody decided anything" in run("--since", "2026-01-01", "--until", "2026-01-02")
