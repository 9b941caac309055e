"""The frame of every page: who enters, what they see, where it leads, and what it may load."""

from __future__ import annotations

import re

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils.safestring import SafeString, mark_safe

from accounts.models import User
from config.admin import registry
from config.admin.site import (
    NavItem,
    Panel,
    SearchHit,
    add_navigation,
    add_panel,
    add_search,
)
from tests.config.admin.conftest import ClientFor
from tests.factories import make_user

STAFF_PAGES = [
    "/",
    "/login/",
    "/accounts/user/",
    "/accounts/user/add/",
    "/accounts/",
    "/database/systemsetting/",
    "/database/systemsetting/max_file_size/change/",
    "/database/migrationrun/",
    "/password_change/",
    "/search/?q=nobody",
    "/no/such/page/",
]


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    for name in ("_navigation", "_panels", "_searches"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))


@pytest.mark.parametrize("address", STAFF_PAGES)
def test_no_page_needs_more_than_the_strict_policy(admin_client: Client, address: str) -> None:
    response = admin_client.get(address, follow=False)
    page = response.content.decode()

    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/", "/accounts/user/", "/no/such/page/", "/search/"])
def test_a_stranger_is_led_to_the_door(client: Client, address: str) -> None:
    response = client.get(address)

    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


def test_an_api_user_finds_the_staff_pages_closed(client_for: ClientFor) -> None:
    assert client_for("api_user").get("/").status_code == 302


@pytest.mark.parametrize("role", ["viewer", "analyst", "moderator"])
def test_the_navigation_hides_what_a_role_may_not_see(client_for: ClientFor, role: str) -> None:
    client = client_for(role)
    page = client.get("/").content.decode()

    assert "/accounts/user/" not in page
    assert "/database/systemsetting/" not in page
    assert client.get("/accounts/user/").status_code == 403
    assert client.get("/database/systemsetting/").status_code == 403


def test_an_admin_sees_where_they_are_and_as_what(admin_client: Client) -> None:
    page = admin_client.get("/accounts/user/add/").content.decode()

    assert re.search(r'href="/accounts/user/" aria-current="page">People', page)
    assert not re.search(r'href="/database/systemsetting/" aria-current', page)
    assert '<span class="role">admin</span>' in page


def test_what_waits_is_counted_with_its_meaning(own_registry: None, admin_client: Client) -> None:
    add_navigation(
        NavItem(
            "Waiting",
            "admin:accounts_user_changelist",
            order=1,
            count=lambda _: 3,
            count_meaning="things to do",
        )
    )

    page = admin_client.get("/").content.decode()

    assert 'title="3 things to do"' in page


def test_nothing_waiting_shows_no_count(own_registry: None, admin_client: Client) -> None:
    add_navigation(NavItem("Idle", "admin:accounts_user_changelist", order=1, count=lambda _: 0))

    assert 'class="waiting"' not in admin_client.get("/").content.decode()


def test_panels_stand_in_order_for_those_who_may_see_them(
    own_registry: None, client_for: ClientFor
) -> None:
    def said(text: str) -> registry.Render:
        def render(request: HttpRequest) -> SafeString:
            return mark_safe(text)

        return render

    add_panel(Panel("Second", 2, None, said("<p>two</p>")))
    add_panel(Panel("First", 1, None, said("<p>one</p>")))
    add_panel(Panel("Hidden", 0, "accounts.view_user", said("<p>secret</p>")))
    add_panel(Panel("Empty", 3, None, said("")))

    page = client_for("viewer").get("/").content.decode()

    assert page.index("<p>one</p>") < page.index("<p>two</p>")
    assert "secret" not in page
    assert "Empty" not in page


def test_a_search_with_one_hit_opens_it(admin_client: Client) -> None:
    found = make_user("viewer", full_name="Henrietta Leavitt")

    for text in ("leavitt", str(found.pk), found.email):
        response = admin_client.get("/search/", {"q": text})
        assert response["Location"] == f"/accounts/user/{found.pk}/change/"


def test_a_search_with_several_hits_groups_them(own_registry: None, admin_client: Client) -> None:
    make_user("viewer", full_name="Grace One")
    add_search(lambda *_: [SearchHit("Image", "grace.jpg", "/x/", "a note")])

    page = admin_client.get("/search/", {"q": "grace"}).content.decode()

    assert page.index(">Image<") < page.index(">Person<")
    assert "a note" in page


@pytest.mark.parametrize("text", ["", "a", " x ", "no such thing", "\x00%_'\"<b>"])
def test_a_search_without_hits_says_what_to_do(admin_client: Client, text: str) -> None:
    response = admin_client.get("/search/", {"q": text})

    assert response.status_code == 200
    assert 'class="empty"' in response.content.decode()
    assert "<b>" not in response.content.decode()


def test_a_search_asks_only_what_a_role_may_see(client_for: ClientFor) -> None:
    make_user("viewer", full_name="Grace Hidden")

    page = client_for("viewer").get("/search/", {"q": "grace"}).content.decode()

    assert "Hidden" not in page


def test_each_search_shows_a_bounded_number_of_hits(
    own_registry: None, admin_user: User, rf: RequestFactory
) -> None:
    request = rf.get("/search/")
    request.user = admin_user
    add_search(lambda *_: (SearchHit("Thing", str(n), "/") for n in range(1000)))

    hits = [hit for hit in registry.search(request, "anything") if hit.kind == "Thing"]

    assert len(hits) == registry.HITS_PER_PROVIDER


@pytest.mark.django_db
def test_a_wrong_password_is_refused_without_saying_which_part_was_wrong(client: Client) -> None:
    make_user("admin", email="ada@example.org")

    known = client.post("/login/", {"username": "ada@example.org", "password": "wrong"})
    unknown = client.post("/login/", {"username": "nobody@example.org", "password": "wrong"})

    for response in (known, unknown):
        assert "do not fit together" in response.content.decode()


def test_logging_out_ends_the_session(admin_client: Client) -> None:
    page = admin_client.post("/logout/").content.decode()

    assert "You are logged out" in page
    assert admin_client.get("/").status_code == 302


def test_a_page_that_does_not_exist_says_what_to_do(admin_client: Client) -> None:
    response = admin_client.get("/no/such/page/")

    assert response.status_code == 404
    assert "This page does not exist" in response.content.decode()
