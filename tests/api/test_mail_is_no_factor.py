"""Who reads somebody's mail is not logged in by it, neither at once nor instead of a code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.actions import second_factor
from accounts.models import Session, User
from tests.accounts.invitations.letters import last_token
from tests.accounts.second_factor.factors import make_person, turn_on

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1/"
NEW = "copper lantern meadow orbit"


def _post(client: Client, path: str, **body: str) -> Any:
    return client.post(f"{API}{path}", body, content_type="application/json")


def _is_stranger(client: Client, answer: Any) -> bool:
    """Whether the answer gave nothing that one is logged in with."""
    assert not {"access_token", "refresh_token", "session"} & set(
        json.loads(answer.content or "{}")
    )
    assert "sessionid" not in client.cookies
    asked: int = client.get(f"{API}auth/me/").status_code
    return asked == 401 and not Session.objects.exists()


@pytest.fixture
def asked() -> tuple[User, Client]:
    """Somebody with a second factor, and whoever reads the mail that they asked for."""
    person, reader = make_person(), Client()
    turn_on(person)
    _post(reader, "auth/password-resets/", email=person.email)
    assert mail.outbox[-1].to == [person.email]
    return person, reader


def test_a_link_from_a_mail_logs_nobody_in(asked: tuple[User, Client]) -> None:
    """ASVS 6.3.6: it sets a password, and that is all; the second factor stays on."""
    person, reader = asked

    done = _post(reader, "auth/password-resets/confirm/", token=last_token(), new_password=NEW)

    assert done.status_code == 204
    assert _is_stranger(reader, done)
    assert second_factor.is_on(person)


def test_what_stands_in_a_mail_is_neither_password_nor_code(asked: tuple[User, Client]) -> None:
    """ASVS 6.3.6: no mail holds anything that a log-in takes."""
    person, reader = asked
    token = last_token()
    instead = _post(reader, "auth/login/", email=person.email, password=token)
    _post(reader, "auth/password-resets/confirm/", token=token, new_password=NEW)

    without = _post(reader, "auth/login/", email=person.email, password=NEW)
    with_token = _post(reader, "auth/login/", email=person.email, password=NEW, code=token[:100])

    assert (instead.status_code, without.status_code, with_token.status_code) == (401, 401, 401)
    assert without.json()["type"].endswith("/second-factor-needed")
    assert with_token.json()["type"].endswith("/login-refused")
    assert _is_stranger(reader, with_token)
