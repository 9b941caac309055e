"""Addresses and values that nobody can mean, and a database that is away: never a failure."""

from __future__ import annotations

import html
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory

from accounts.models import User
from config.admin.away import is_away
from config.admin.formats import NOTHING, duration, number, percent, size
from config.admin.refusals import refusal
from config.admin.site import StaffAdminSite
from database.models import SystemSetting

BROKEN = psycopg.OperationalError("the connection is closed")


@pytest.mark.parametrize("page", ["change", "history", "delete"])
@pytest.mark.parametrize("key", ["%00", "a%00b"])
@pytest.mark.parametrize("model", ["database/systemsetting", "accounts/user", "imaging/image"])
def test_an_address_with_nul_is_not_found(
    admin_client: Client, model: str, key: str, page: str
) -> None:
    assert admin_client.get(f"/{model}/{key}/{page}/").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/imaging/image/?anomalies=%00",
        "/accounts/user/?role=%00",
        "/accounts/user/?role__exact=%00",
        "/database/migrationrun/?status=%00",
        "/database/migrationrun/?sta%00tus=x",
    ],
)
def test_a_filter_with_nul_shows_the_list_without_it_and_says_so(
    admin_client: Client, address: str
) -> None:
    answer = admin_client.get(address, follow=True)

    assert answer.redirect_chain == [(f"{address.partition('?')[0]}?e=1", 302)]
    assert "The filter in the address is not valid." in answer.content.decode()


def test_a_setting_of_nul_alone_is_refused_beside_its_field(admin_client: Client) -> None:
    address = "/database/systemsetting/allowed_file_types/change/"

    answer = admin_client.post(address, {"setting_value": "\x00"})

    assert answer.status_code == 200
    assert "This field is required." in html.unescape(answer.content.decode())
    assert not SystemSetting.objects.exists()


def test_nul_within_a_word_is_dropped(admin_client: Client) -> None:
    address = "/database/systemsetting/allowed_file_types/change/"

    admin_client.post(address, {"setting_value": "p\x00ng, jpeg"})

    assert SystemSetting.objects.get().setting_value == ["png", "jpeg"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("""SELECT '"\\u0000"'::jsonb ->> 0, '{"a": "\\u0000"}'::jsonb""", None),
        ("SELECT convert_from('\\xff', 'UTF8')", None),
        ("SELECT %s::text", ["\x00"]),
    ],
)
def test_text_that_cannot_be_stored_is_a_refusal(sql: str, values: Any) -> None:
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, values)

    assert "cannot be stored" in str(refusal(caught.value))


def test_numbers_beyond_every_float_are_dashes() -> None:
    huge = 10**400

    assert {number(huge), percent(huge), percent(10**307), size(huge), duration(huge)} == {NOTHING}


def raised(error: Exception, cause: Exception | None = None) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        raise error from cause

    return view


def asked(user: User) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OperationalError("gone"), BROKEN),
        (OperationalError("stopped"), psycopg.errors.AdminShutdown("stopped")),
        (InterfaceError("connection already closed"), None),
    ],
)
def test_a_database_that_is_away_is_said_kindly(
    admin_user: User, error: Exception, cause: Exception | None
) -> None:
    answer = StaffAdminSite().admin_view(raised(error, cause))(asked(admin_user))

    assert answer.status_code == 503
    assert answer["Retry-After"] == "10"
    assert isinstance(answer, HttpResponse)
    assert "The database cannot be reached" in answer.content.decode()


def test_a_database_that_goes_while_the_page_is_made_is_said_too(admin_user: User) -> None:
    class Late(TemplateResponse):
        @property
        def rendered_content(self) -> str:
            raise OperationalError("gone") from BROKEN

    def view(request: HttpRequest) -> HttpResponse:
        return Late(request, "404.html")

    assert StaffAdminSite().admin_view(view)(asked(admin_user)).status_code == 503


def test_a_query_that_failed_stays_a_fault(admin_user: User) -> None:
    cause = psycopg.errors.QueryCanceled("too slow")
    view = StaffAdminSite().admin_view(raised(OperationalError("too slow"), cause))

    with pytest.raises(OperationalError, match="too slow"):
        view(asked(admin_user))
    assert not is_away(DatabaseError("wrong column"))
