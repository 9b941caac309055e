"""Devices that tests log in with."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.models import Session as BrowserRow
from django.test import Client

from accounts.actions import sessions
from accounts.actions.sessions import Tokens
from accounts.models import Session, User

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ME = "/api/v1/auth/me/"
REFRESH = "/api/v1/auth/refresh/"
SESSIONS = "/api/v1/auth/sessions/"


def program(user: User, **given: Any) -> Tokens:
    """A program that has logged in."""
    told: dict[str, Any] = {
        "device_name": "",
        "user_agent": "lab-script/1.0",
        "address": "192.0.2.7",
        "has_second_factor": False,
    }
    return sessions.start_api(user, **(told | given))


def browser(user: User) -> Client:
    """A browser that has logged in; it asks for pages over HTTP as Firefox does."""
    client = Client(headers={"user-agent": FIREFOX})
    client.force_login(user)
    return client


def bearer(tokens: Tokens | str) -> dict[str, str]:
    """The header that a program sends."""
    return {"authorization": f"Bearer {tokens if isinstance(tokens, str) else tokens.access}"}


def ask_with(tokens: Tokens | str, path: str = ME) -> int:
    """The status of the answer to a program."""
    status: int = Client().get(path, headers=bearer(tokens)).status_code
    return status


def is_logged_in(client: Client) -> bool:
    """Whether the staff pages know the browser."""
    status: int = client.get("/").status_code
    assert status in {200, 302}
    return status == 200


def key_of(client: Client) -> str:
    """What the cookie of the browser holds."""
    return client.cookies["sessionid"].value


def refresh_with(token: str) -> Any:
    """The answer to a refresh token."""
    return Client().post(REFRESH, {"refresh_token": token}, content_type="application/json")


def only_session() -> Session:
    """The one that there is."""
    return Session.objects.get()


def browser_rows() -> list[str]:
    """The keys of Django's table."""
    return list(BrowserRow.objects.values_list("session_key", flat=True))
