"""The pages behind the link of an invitation."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.models import Session as BrowserData
from django.test import Client
from django.utils import timezone

from accounts.actions import invitations
from accounts.models import Invitation, User
from tests.accounts.invitations.letters import last_token
from tests.accounts.stored import places_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "grace@example.org"
PASSWORD = "violet anvil harbour tulip"
GIVEN = {"full_name": "Grace", "new_password1": PASSWORD, "new_password2": PASSWORD}


def invite() -> str:
    invitations.create(EMAIL, "analyst", by=make_user("admin"))
    return f"/invitation/link/{last_token()}/"


def follow(client: Client, link: str) -> Any:
    return client.get(link, follow=True)


def test_the_token_goes_into_the_session_as_a_hash_and_out_of_the_address() -> None:
    client, link = Client(), invite()

    moved = client.get(link)

    assert (moved.status_code, moved["Location"]) == (302, "/invitation/")
    assert moved["Referrer-Policy"] == "no-referrer"
    assert "no-store" in moved["Cache-Control"]
    shown = client.get("/invitation/")
    assert b"You are invited as analyst" in shown.content
    assert last_token().encode() not in shown.content
    assert "no-store" in shown["Cache-Control"]
    data = [row.get_decoded() for row in BrowserData.objects.all()]
    assert last_token() not in str(data)
    assert places_of(last_token()) == []


def test_the_session_gets_a_new_key_when_the_link_is_followed() -> None:
    """Whoever planted a session key in this browser does not get the form."""
    client, link = Client(), invite()
    client.get("/invitation/link/" + "A" * 43 + "/")
    planted = client.cookies["sessionid"].value

    client.get(link)

    assert client.cookies["sessionid"].value != planted
    thief = Client()
    thief.cookies["sessionid"] = planted
    assert b"does not work" in thief.get("/invitation/").content


def test_an_account_is_made_and_nobody_is_logged_in() -> None:
    client = Client()
    follow(client, invite())

    done = client.post("/invitation/", GIVEN, follow=True)

    assert b"Your account is ready" in done.content
    assert client.get("/").status_code == 302
    assert User.objects.get(email=EMAIL).full_name == "Grace"
    logged_in = client.post("/login/", {"username": EMAIL, "password": PASSWORD})
    assert (logged_in.status_code, logged_in["Location"]) == (302, "/")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"new_password2": "other"}, "not the same"),
        ({"new_password1": "password1", "new_password2": "password1"}, "stolen ones"),
        ({"full_name": " "}, "Type your name"),
        ({"full_name": "x" * 256}, "at most 255 characters"),
        ({"full_name": "a\x00b"}, "Null characters"),
    ],
)
def test_what_is_wrong_stands_at_its_field(changed: dict[str, str], sentence: str) -> None:
    client = Client()
    follow(client, invite())

    answer = client.post("/invitation/", GIVEN | changed)

    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert PASSWORD not in answer.content.decode()
    assert not User.objects.filter(email=EMAIL).exists()


def dead_pages() -> dict[str, bytes]:
    """What is shown for links that open nothing, each for another reason."""
    made: dict[str, bytes] = {}
    link = invite()
    admin = User.objects.get(role="admin")
    made["unknown"] = page_of("/invitation/link/" + "A" * 43 + "/")
    made["malformed"] = page_of("/invitation/link/x/")
    made["none"] = Client().get("/invitation/").content
    Invitation.objects.update(expires_at=timezone.now())
    made["expired"] = page_of(link)
    invitation = Invitation.objects.get()
    invitations.resend(invitation.pk, by=admin)
    made["replaced"] = page_of(link)
    link = f"/invitation/link/{last_token()}/"
    invitations.withdraw(invitation.pk, by=admin)
    made["withdrawn"] = page_of(link)
    invitations.create(EMAIL, "viewer", by=admin)
    link, client = f"/invitation/link/{last_token()}/", Client()
    follow(client, link)
    client.post("/invitation/", GIVEN)
    made["used"] = page_of(link)
    return made


def page_of(link: str) -> bytes:
    answer: bytes = follow(Client(), link).content
    return answer


def test_dead_links_all_get_the_same_calm_page() -> None:
    pages = dead_pages()

    assert len(set(pages.values())) == 1, sorted(pages)
    assert b"This link does not work" in pages["unknown"]


def test_a_form_that_comes_too_late_gets_it_too() -> None:
    client = Client()
    follow(client, invite())
    Invitation.objects.update(revoked_at=timezone.now())

    answer = client.post("/invitation/", GIVEN)

    assert b"This link does not work" in answer.content


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_a_link_is_only_read(method: str) -> None:
    assert getattr(Client(), method)(invite()).status_code == 405
