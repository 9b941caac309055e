"""Lists in pages by key: every row once, in both directions, while others come and go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from config.api.pagination import check_order
from imaging.models import Image
from tests.config.api.conftest import Caller
from tests.config.api.test_problems import problem_in
from tests.factories import make_image, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.api.urls")]

START = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
LIST = "/api/v1/pictures/"


@pytest.fixture
def pictures(db: None) -> list[Image]:
    """Twenty-three images whose moments tie or differ by a microsecond; a third is unprocessed."""
    user = make_user()
    return [
        make_image(
            user=user,
            created_at=START + timedelta(microseconds=number // 3),
            processed_at=None if number % 3 else START + timedelta(microseconds=number // 6),
        )
        for number in range(23)
    ]


def pages(
    client: APIClient, address: str | None, direction: str, between: Callable[[], Any] | None = None
) -> list[list[str]]:
    found = []
    while address:
        answer = client.get(address).json()
        found.append([row["id"] for row in answer["results"]])
        address = answer[direction]
        if between:
            between()
    return found


def joined(found: list[list[str]]) -> list[str]:
    return [key for page in found for key in page]


def ids(rows: Any) -> list[str]:
    return [str(row.pk) for row in rows]


@pytest.mark.parametrize("limit", [1, 2, 7, 22, 23, 24])
@pytest.mark.parametrize("order", ["newest", "oldest", "processed"])
def test_every_row_is_read_once_there_and_back(
    caller: Caller, pictures: list[Image], limit: int, order: str
) -> None:
    client = caller()
    there = pages(client, f"{LIST}?limit={limit}&order={order}", "next")
    last = client.get(f"{LIST}?limit={limit}&order={order}")
    while last.json()["next"]:
        last = client.get(last.json()["next"])
    back = pages(client, last.json()["previous"], "previous")

    assert sorted(joined(there)) == sorted(ids(pictures))
    assert back == there[-2::-1]


def test_moments_count_to_the_microsecond(caller: Caller, pictures: list[Image]) -> None:
    expected = sorted(pictures, key=lambda image: (image.created_at, image.pk), reverse=True)

    assert joined(pages(caller(), f"{LIST}?limit=1", "next")) == ids(expected)


def test_rows_that_come_meanwhile_neither_repeat_nor_hide_others(
    caller: Caller, pictures: list[Image]
) -> None:
    user = pictures[0].user

    def add() -> None:
        make_image(user=user, created_at=START + timedelta(hours=1))
        make_image(user=user, created_at=START)

    found = joined(pages(caller(), f"{LIST}?limit=5", "next", add))

    assert len(found) == len(set(found))
    assert set(ids(pictures)) <= set(found)


def test_rows_that_go_meanwhile_hide_no_others(caller: Caller, pictures: list[Image]) -> None:
    client = caller()
    first = client.get(f"{LIST}?limit=5").json()
    seen = [row["id"] for row in first["results"]]
    with connection.cursor() as cursor:  # also the row that the cursor names
        cursor.execute("DELETE FROM images WHERE id = ANY(%s::uuid[])", [seen])

    rest = joined(pages(client, first["next"], "next"))

    assert sorted(seen + rest) == sorted(ids(pictures))


def test_a_page_costs_as_many_queries_wherever_it_lies(
    caller: Caller, pictures: list[Image]
) -> None:
    client = caller()
    address: str | None = f"{LIST}?limit=4"
    counts = set()
    while address:
        with CaptureQueriesContext(connection) as queries:
            address = client.get(address).json()["next"]
        counts.add(sum("images" in query["sql"] for query in queries))

    assert counts == {1}


def test_a_list_keeps_its_filters_on_the_next_page(caller: Caller, pictures: list[Image]) -> None:
    other = make_image()

    found = joined(pages(caller(), f"{LIST}?limit=6&user={pictures[0].user_id}", "next"))

    assert str(other.pk) not in found
    assert len(found) == len(pictures)


@pytest.mark.parametrize(
    "cursor", ["x", "n.", "n.abc", "p.abc:def:ghi", "q.abc", "n." + "a" * 9000]
)
def test_a_cursor_that_was_made_up_is_refused(caller: Caller, cursor: str) -> None:
    response = caller().get(LIST, {"cursor": cursor})

    told = problem_in(response, 400, "wrong-cursor" if len(cursor) < 4000 else "invalid-input")
    assert "cursor" in told["detail"]


def test_a_cursor_of_another_order_is_refused(caller: Caller, pictures: list[Image]) -> None:
    client = caller()
    cursor = client.get(f"{LIST}?limit=2").json()["next"].partition("cursor=")[2]

    problem_in(client.get(f"{LIST}?cursor={cursor}&order=oldest"), 400, "wrong-cursor")


def test_a_changed_cursor_is_refused(caller: Caller, pictures: list[Image]) -> None:
    client = caller()
    address = client.get(f"{LIST}?limit=2").json()["next"]
    changed = address[:-1] + ("a" if address[-1] != "a" else "b")

    problem_in(client.get(changed), 400, "wrong-cursor")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "ten", "99999", "٣", "1" * 5000])
def test_an_absurd_limit_is_refused_by_name(caller: Caller, limit: str) -> None:
    told = problem_in(caller().get(LIST, {"limit": limit}), 400, "invalid-input")

    assert [error["field"] for error in told["errors"]] == ["limit"]


def test_an_unknown_order_is_refused_by_name(caller: Caller) -> None:
    told = problem_in(caller().get(LIST, {"order": "random"}), 400, "invalid-input")

    assert told["detail"] == "order: It must be one of newest, oldest, processed."


def test_a_page_has_fifty_rows_unless_asked(caller: Caller, pictures: list[Image]) -> None:
    for _ in range(30):
        make_image(user=pictures[0].user)

    assert len(caller().get(LIST).json()["results"]) == 50


def test_an_order_in_which_rows_can_be_equal_is_refused_at_once() -> None:
    check_order(User.objects.all(), ("-created_at", "-pk"))
    with pytest.raises(ImproperlyConfigured, match="ends in created_at"):
        check_order(User.objects.all(), ("-created_at",))
    with pytest.raises(ImproperlyConfigured, match="needs an order"):
        check_order(User.objects.all(), ())
