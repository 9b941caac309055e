"""List pages: links between pages, what the address may ask for, and their price."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.admin import PersonAdmin
from accounts.models import User
from tests.factories import make_user

PEOPLE = "/accounts/user/"
START = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def people(admin_user: User) -> None:
    for number in range(120):
        make_user("viewer", created_at=START + timedelta(microseconds=number // 3))


def link(page: str, rel: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page)
    assert found, f"no {rel} link"
    return PEOPLE + html.unescape(found[1])


def rows(page: str) -> list[str]:
    return re.findall(r"/accounts/user/([0-9a-f-]{36})/change/", page)


def test_following_next_shows_everybody_once(people: None, admin_client: Client) -> None:
    page = admin_client.get(PEOPLE).content.decode()
    seen = rows(page)
    while 'rel="next"' in page:
        page = admin_client.get(link(page, "next")).content.decode()
        seen += rows(page)

    assert len(seen) == len(set(seen)) == User.objects.count()


def test_previous_leads_back_to_the_same_page(people: None, admin_client: Client) -> None:
    first = admin_client.get(PEOPLE).content.decode()
    second = admin_client.get(link(first, "next")).content.decode()

    back = admin_client.get(link(second, "prev")).content.decode()

    assert rows(back) == rows(first)


def test_every_page_costs_the_same_number_of_queries(people: None, admin_client: Client) -> None:
    with CaptureQueriesContext(connection) as first_queries:
        page = admin_client.get(PEOPLE).content.decode()
    with CaptureQueriesContext(connection) as second_queries:
        page = admin_client.get(link(page, "next")).content.decode()
    with CaptureQueriesContext(connection) as last_queries:
        admin_client.get(link(page, "next"))

    assert len(first_queries) == len(second_queries) == len(last_queries)
    # Among them the session, what is demanded of staff, locked accounts, open invitations, and what
    # waits beside the words of the navigation.
    assert len(first_queries) <= 16


def test_a_forged_link_shows_the_first_page_and_says_so(people: None, admin_client: Client) -> None:
    page = admin_client.get(PEOPLE, {"after": "forged"}).content.decode()

    assert "That page link is not valid any more." in page
    assert rows(page) == rows(admin_client.get(PEOPLE).content.decode())


def test_filters_and_order_start_again_at_the_first_page(
    people: None, admin_client: Client
) -> None:
    page = admin_client.get(PEOPLE).content.decode()
    page = admin_client.get(link(page, "next")).content.decode()

    filters = re.findall(r'href="(\?[^"]*role__exact=[^"]*)"', page)
    headings = re.findall(r'<th scope="col"[^>]*><a href="([^"]+)"', page)

    assert filters
    assert headings
    assert not [address for address in filters + headings if "after=" in address]


def test_only_offered_columns_can_be_sorted_by(people: None, admin_client: Client) -> None:
    names = list(PersonAdmin.list_display)
    allowed, refused = names.index("email"), names.index("access")

    by_email = admin_client.get(PEOPLE, {"o": str(allowed)}).content.decode()
    by_access = admin_client.get(PEOPLE, {"o": str(refused)}).content.decode()

    assert 'aria-sort="ascending"' in by_email
    assert "aria-sort" not in by_access


def test_a_senseless_filter_is_answered_in_words(people: None, admin_client: Client) -> None:
    response = admin_client.get(PEOPLE, {"is_active__exact": "perhaps"}, follow=True)

    assert response.status_code == 200
    assert "The filter in the address is not valid." in response.content.decode()


def test_active_filters_can_be_removed_one_by_one(people: None, admin_client: Client) -> None:
    page = admin_client.get(PEOPLE, {"role__exact": "viewer", "q": "viewer"}).content.decode()

    chips = [html.unescape(one) for one in re.findall(r'class="chip" href="([^"]+)"', page)]

    assert chips == ["?role__exact=viewer", "?q=viewer"]


def test_the_count_says_what_it_counts(people: None, admin_client: Client) -> None:
    page = admin_client.get(PEOPLE).content.decode()

    assert f"50 of {User.objects.count()} people" in page


def test_an_empty_list_says_what_will_appear(admin_client: Client) -> None:
    page = admin_client.get("/database/migrationrun/", {"q": "nothing"}).content.decode()

    assert "Nothing matches. Remove a filter above to see more." in page


def test_a_slow_list_is_stopped_and_says_so(
    people: None, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(self: PersonAdmin, request: HttpRequest) -> QuerySet[User]:
        return User.objects.annotate(slept=RawSQL("pg_sleep(5)::text", ())).exclude(slept="x")

    monkeypatch.setattr(PersonAdmin, "get_queryset", slow)
    monkeypatch.setattr(PersonAdmin, "list_timeout_ms", 100)

    response = admin_client.get(PEOPLE)

    assert response.status_code == 503
    assert "took longer than 0.1 seconds" in response.content.decode()


def test_nothing_can_be_deleted(admin_user: User, admin_client: Client) -> None:
    page = admin_client.get(PEOPLE).content.decode()
    refused = admin_client.post(f"{PEOPLE}{admin_user.pk}/delete/", {"post": "yes"})

    assert "delete_selected" not in page
    assert refused.status_code == 403
    assert User.objects.filter(pk=admin_user.pk).exists()


def test_numbers_are_aligned_and_other_columns_are_not(admin_client: Client) -> None:
    page = admin_client.get("/database/migrationrun/").content.decode()

    assert re.search(r'<th scope="col" class="column-batch is-number"', page)
    assert re.search(r'<td class="field-took is-number"', page)
    assert not re.search(r'field-started is-number"', page)
