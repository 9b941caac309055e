"""Counts that say how exact they are."""

from __future__ import annotations

import pytest

from accounts.models import User
from config.admin import counting
from config.admin.counting import Count, count_rows
from tests.factories import make_user


@pytest.mark.django_db
def test_a_few_rows_are_counted_exactly() -> None:
    for _ in range(3):
        make_user()

    count = count_rows(User.objects.all())

    assert (count, count.text, count.exact) == (3, "3", True)


@pytest.mark.django_db
def test_counting_stops_at_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "CAP", 3)
    for _ in range(5):
        make_user("viewer")

    count = count_rows(User.objects.filter(role="viewer"))

    assert (count, count.text, count.exact) == (3, "2+", False)


@pytest.mark.django_db
def test_a_large_table_is_estimated_unless_filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_estimate", lambda _: 3_012_345)
    make_user("viewer")

    assert count_rows(User.objects.all()).text == "about 3,000,000"
    assert count_rows(User.objects.filter(role="viewer")).text == "1"


@pytest.mark.django_db
def test_a_table_that_was_never_analysed_is_counted() -> None:
    make_user()

    assert counting._estimate(User.objects.all()) < counting.CAP
    assert count_rows(User.objects.all()) == 1


def test_a_count_reads_as_its_text() -> None:
    assert f"{Count(10_001, '10,000+')}" == "10,000+"
    assert "%s" % Count(1234) == "1,234"  # noqa: UP031 - as Django's admin formats it
