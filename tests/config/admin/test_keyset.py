"""Pages by key: every row once, in both directions, whatever the values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower

from accounts.models import User
from config.admin import keyset
from config.admin.keyset import Keyset, UnpageableValue, WrongCursor
from tests.factories import make_user

START = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)

ORDERS: dict[str, list[str | Combinable]] = {
    "newest first": ["-created_at", "-pk"],
    "oldest first": ["created_at", "pk"],
    "directions mixed": ["-created_at", "pk"],
    "nulls first": ["-last_login_at", "-pk"],
    "nulls last": ["last_login_at", "pk"],
    "descending, nulls last": [F("last_login_at").desc(nulls_last=True), "-pk"],
    "ascending, nulls first": [F("last_login_at").asc(nulls_first=True), "pk"],
    "a null in second place": ["role", "-last_login_at", "pk"],
    "an expression": [Lower("email").desc(), "pk"],
    "a truth value": ["is_active", "-pk"],
    "a column named twice": ["-created_at", "-created_at", "-pk"],
    "only the key": ["pk"],
}


@pytest.fixture
def people(db: None) -> QuerySet[User]:
    """57 people: moments that tie or differ by a microsecond, a third of the log-ins missing."""
    for number in range(57):
        make_user(
            ["viewer", "analyst", "admin"][number % 3],
            created_at=START + timedelta(microseconds=number // 4),
            last_login_at=None if number % 3 == 0 else START + timedelta(microseconds=number // 5),
            is_active=number % 7 != 0,
        )
    return User.objects.all()


def walk(keys: Keyset, size: int, direction: str, cursor: str | None = None) -> list[list[Any]]:
    pages = []
    while True:
        page = keys.page(size, **{direction: cursor})
        pages.append([row.pk for row in page.rows])
        cursor = page.next_cursor if direction == "after" else page.previous_cursor
        if cursor is None:
            return pages


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
@pytest.mark.parametrize("size", [1, 8, 19, 57, 100])
def test_walking_forwards_shows_every_row_once_in_order(
    people: QuerySet[User], order: list[str | Combinable], size: int
) -> None:
    expected = [person.pk for person in people.order_by(*order)]

    pages = walk(Keyset(people, order), size, "after")

    assert [pk for page in pages for pk in page] == expected
    assert len(pages) == -(-57 // size)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
@pytest.mark.parametrize("size", [1, 8, 19])
def test_walking_backwards_shows_every_row_once_in_order(
    people: QuerySet[User], order: list[str | Combinable], size: int
) -> None:
    keys = Keyset(people, order)
    expected = [person.pk for person in people.order_by(*order)]
    *_, last = walk(keys, size, "after")
    page = keys.page(size)
    while page.next_cursor:
        page = keys.page(size, after=page.next_cursor)

    pages = walk(keys, size, "before", page.previous_cursor)

    assert [pk for rows in reversed(pages) for pk in rows] + last == expected


def test_the_first_page_has_nothing_before_it_and_the_last_nothing_after(
    people: QuerySet[User],
) -> None:
    keys = Keyset(people, ["pk"])

    first = keys.page(30)
    last = keys.page(30, after=first.next_cursor)

    assert first.previous_cursor is None
    assert last.next_cursor is None
    assert keys.page(30, before=last.previous_cursor).rows == first.rows


def test_a_row_made_meanwhile_moves_no_other_row(people: QuerySet[User]) -> None:
    keys = Keyset(people, ["-created_at", "-pk"])
    first = keys.page(20)
    expected = [row.pk for row in people.order_by("-created_at", "-pk")[20:40]]

    make_user(created_at=START + timedelta(days=1))

    assert [row.pk for row in keys.page(20, after=first.next_cursor).rows] == expected


def test_a_page_costs_at_most_two_queries_wherever_it_lies(
    people: QuerySet[User], django_assert_max_num_queries: Any
) -> None:
    keys = Keyset(people, ["last_login_at", "pk"])
    cursor = None
    for _ in range(6):
        with django_assert_max_num_queries(2):
            cursor = keys.page(10, after=cursor).next_cursor


def test_filters_hold_on_every_page(people: QuerySet[User]) -> None:
    keys = Keyset(people.filter(role="viewer"), ["-created_at", "-pk"])

    pages = walk(keys, 4, "after")

    assert sum(len(page) for page in pages) == 19


@pytest.mark.parametrize("cursor", ["x", "a:b:c", "W10:1:2", "é"])
def test_a_forged_cursor_is_refused(people: QuerySet[User], cursor: str) -> None:
    with pytest.raises(WrongCursor):
        Keyset(people, ["pk"]).page(10, after=cursor)


def test_a_cursor_of_another_order_is_refused(people: QuerySet[User]) -> None:
    cursor = Keyset(people, ["-created_at", "-pk"]).page(10).next_cursor

    with pytest.raises(WrongCursor):
        Keyset(people, ["created_at", "pk"]).page(10, after=cursor)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        12,
        0.1,
        "text",
        datetime(2026, 11, 21, 14, 5, 0, 123456, tzinfo=UTC),
        START.date(),
        START.time(),
        timedelta(days=-3, microseconds=1),
        Decimal("1.2300"),
        uuid4(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_comes_back_from_a_link_exactly(value: Any) -> None:
    back = keyset._unpack(keyset._pack(value))

    assert back == value
    assert type(back) is type(value)


def test_a_value_that_fits_no_link_is_refused_with_advice() -> None:
    with pytest.raises(UnpageableValue, match="cannot be ordered by a dict"):
        keyset._pack({"a": 1})
