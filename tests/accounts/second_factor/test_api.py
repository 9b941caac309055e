"""The second factor through the API: the same steps, and closed to keys."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.actions import second_factor
from accounts.models import Session, TotpDevice, User
from tests.accounts.api_keys.keys import ask, make_key
from tests.accounts.people.callers import Caller
from tests.accounts.second_factor.factors import (
    PASSWORD,
    current_code,
    make_person,
    turn_on,
    wrong_code,
)
from tests.factories import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_clock_stands"),
]

FACTOR = "/api/v1/auth/second-factor/"
LOGIN = "/api/v1/auth/login/"


class Program:
    """Somebody who logged in through the API."""

    def __init__(self, user: User) -> None:
        self.client = Client()
        logged_in = self.post(LOGIN, email=user.email, password=PASSWORD)
        assert logged_in.status_code == 200, logged_in.content
        self.client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {logged_in.json()['access_token']}"

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def post(self, path: str, **body: str) -> Any:
        return self.client.post(path, body, content_type="application/json")


@pytest.fixture
def user() -> User:
    return make_person("api_user")


@pytest.fixture
def program(user: User) -> Program:
    return Program(user)


def set_up(program: Program, user: User) -> list[str]:
    assert program.post(f"{FACTOR}enrol/", password=PASSWORD).status_code == 201
    done = program.post(f"{FACTOR}confirm/", code=current_code(user, later=-1))
    codes: list[str] = done.json()["recovery_codes"]
    return codes


def test_it_is_set_up_and_asked_for(program: Program, user: User) -> None:
    enrolled = program.post(f"{FACTOR}enrol/", password=PASSWORD)
    wrong = program.post(f"{FACTOR}confirm/", code=wrong_code(user))
    done = program.post(f"{FACTOR}confirm/", code=current_code(user, later=-1))

    assert enrolled.status_code == 201
    assert enrolled.json()["secret"] == TotpDevice.objects.get().secret.reveal()
    assert enrolled["Cache-Control"] == "no-store"
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "code")
    assert len(done.json()["recovery_codes"]) == 10
    status = program.get(FACTOR).json()
    assert (status["is_on"], status["recovery_codes_left"]) == (True, 10)
    log_in = Client().post(
        LOGIN, {"email": user.email, "password": PASSWORD}, content_type="application/json"
    )
    assert log_in.status_code == 401
    assert log_in.json()["type"].endswith("/second-factor-needed")
    assert Session.objects.get(ended_at=None).has_second_factor


def test_it_takes_the_password_to_begin(program: Program) -> None:
    refused = program.post(f"{FACTOR}enrol/", password="wrong")

    assert refused.status_code == 403
    assert refused.json()["type"].endswith("/not-proved")
    assert not TotpDevice.objects.exists()


def test_what_is_on_is_a_conflict(program: Program, user: User) -> None:
    set_up(program, user)

    again = program.post(f"{FACTOR}enrol/", password=PASSWORD)
    confirmed = program.post(f"{FACTOR}confirm/", code=current_code(user))

    assert (again.status_code, confirmed.status_code) == (409, 409)


def test_new_recovery_codes_and_turning_off(program: Program, user: User) -> None:
    old = set_up(program, user)
    refused = program.post(f"{FACTOR}recovery-codes/", password=PASSWORD, code=wrong_code(user))
    made = program.post(f"{FACTOR}recovery-codes/", password=PASSWORD, code=old[0])
    off = program.post(f"{FACTOR}remove/", password=PASSWORD, code=current_code(user))

    assert refused.status_code == 403
    assert len(set(made.json()["recovery_codes"]) - set(old)) == 10
    assert off.status_code == 204
    assert not second_factor.is_on(user)
    assert program.get(FACTOR).status_code == 401, "its session has ended"


def test_a_browser_turns_it_off_too(user: User) -> None:
    caller = Caller(user)
    codes = turn_on(user)
    caller.client.force_login(user)

    off = caller.post(f"{FACTOR}remove/", {"password": PASSWORD, "code": codes[0]})

    assert off.status_code == 204
    assert caller.get(FACTOR).status_code == 401


def test_an_admin_turns_off_somebody_elses_and_not_their_own() -> None:
    user, admin = make_person(), make_user("admin")
    turn_on(user)
    caller = Caller(admin)

    reset = caller.post(f"{FACTOR}reset/", {"user": str(user.pk)})
    again = caller.post(f"{FACTOR}reset/", {"user": str(user.pk)})
    own = caller.post(f"{FACTOR}reset/", {"user": str(admin.pk)})
    nobody = caller.post(f"{FACTOR}reset/", {"user": "01999999-0000-7000-8000-000000000000"})

    answers = [answer.status_code for answer in (reset, again, own, nobody)]
    assert answers == [204, 409, 403, 404]
    assert not second_factor.is_on(user)


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer", "api_user"])
def test_nobody_else_does(role: str) -> None:
    user = make_person()
    turn_on(user)

    refused = Caller(make_user(role)).post(f"{FACTOR}reset/", {"user": str(user.pk)})

    assert refused.status_code == 403
    assert second_factor.is_on(user)


def test_strangers_and_keys_reach_nothing() -> None:
    key = make_key(make_user("admin"), scopes=["read:people", "write:people"])

    for path in ("", "enrol/", "confirm/", "recovery-codes/", "remove/", "reset/"):
        stranger = Client().post(f"{FACTOR}{path}", {}, content_type="application/json")
        assert stranger.status_code in {401, 405}, path
    assert ask(key.secret, FACTOR).status_code == 403


@pytest.mark.parametrize(
    "body", [{}, {"password": ""}, {"password": "x" * 1001}, {"password": 1, "more": 2}]
)
def test_wrong_bodies_are_refused_by_field(program: Program, body: dict[str, Any]) -> None:
    refused = program.post(f"{FACTOR}enrol/", **body)

    assert refused.status_code in {400, 403}
    assert not TotpDevice.objects.exists()
