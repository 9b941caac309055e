"""What the tests of the door share."""

from __future__ import annotations

import time
from collections.abc import Callable

import pyotp
import pytest

from accounts.actions import second_factor
from accounts.models import User
from tests.factories import make_user

PASSWORD = "a long enough phrase 42"
WRONG = "another phrase, wrong 43"
HOME = "192.0.2.7"

MakePerson = Callable[..., User]


@pytest.fixture
def make_person() -> MakePerson:
    """A person with PASSWORD, kept with little cost."""

    def make(role: str = "viewer", password: str | None = PASSWORD, **fields: object) -> User:
        person = make_user(role, **fields)
        person.set_password(password)
        person.save()
        return person

    return make


@pytest.fixture
def person(make_person: MakePerson) -> User:
    return make_person(email="grace@example.org", full_name="Grace")


def turn_on_codes(person: User) -> tuple[Callable[[], str], list[str]]:
    """Turn the second factor on: what makes the next good code, and the recovery codes."""
    secret = second_factor.enrol(person).secret
    app = pyotp.TOTP(secret)
    recovery = second_factor.confirm(person, app.now())
    # The code of the enrolment is used up: the one of the next half minute is good already.
    return lambda: app.at(int(time.time()) + 30), recovery
