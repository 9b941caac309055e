"""Forgotten passwords through the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.actions import password_resets
from accounts.models import User
from tests.accounts.invitations.letters import last_token
from tests.accounts.people.callers import Caller
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

RESETS = "/api/v1/auth/password-resets/"
OLD = "violet anvil harbour tulip"
NEW = "copper lantern meadow orbit"


@pytest.fixture
def user() -> User:
    made = make_user("api_user")
    made.set_password(OLD)
    made.save()
    return made


def post(path: str = "", **body: str) -> Any:
    return Client().post(f"{RESETS}{path}", body, content_type="application/json")


def test_known_and_unknown_addresses_are_answered_alike(user: User) -> None:
    answers = [post(email=email) for email in (user.email, "nobody@example.org", "no address")]

    assert {(one.status_code, one.content) for one in answers} == {(202, b"")}
    assert [letter.to for letter in mail.outbox] == [[user.email]]


def test_a_link_sets_the_password_once(user: User) -> None:
    post(email=user.email)
    token = last_token()

    done = post("confirm/", token=token, new_password=NEW)
    again = post("confirm/", token=token, new_password=OLD)

    assert (done.status_code, again.status_code) == (204, 410)
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert not user.sessions.exists()


def test_a_weak_password_is_refused_by_field_and_the_link_stays_good(user: User) -> None:
    post(email=user.email)

    refused = post("confirm/", token=last_token(), new_password="password1")

    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == ["new_password"]
    assert post("confirm/", token=last_token(), new_password=NEW).status_code == 204


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 200])
def test_dead_tokens_are_answered_alike(user: User, token: str) -> None:
    refused = post("confirm/", token=token, new_password=NEW)

    assert refused.status_code == 410
    assert refused.json()["type"].endswith("/dead-link")


def test_too_many_from_one_network_address_have_to_wait(user: User) -> None:
    for number in range(password_resets.MOST_PER_ADDRESS):
        password_resets.request(f"nobody{number}@example.org", address="127.0.0.1")

    refused = post(email=user.email)

    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert not mail.outbox


def test_an_admin_sends_somebody_a_link(user: User) -> None:
    sent = Caller(make_user("admin")).post(f"{RESETS}send/", {"user": str(user.pk)})
    refused = Caller(make_user("moderator")).post(f"{RESETS}send/", {"user": str(user.pk)})
    nobody = Caller(make_user("admin")).post(
        f"{RESETS}send/", {"user": "01999999-0000-7000-8000-000000000000"}
    )

    assert (sent.status_code, sent.json()) == (200, {"sent": True, "error": ""})
    assert (refused.status_code, nobody.status_code) == (403, 404)
    assert [letter.to for letter in mail.outbox] == [[user.email]]
