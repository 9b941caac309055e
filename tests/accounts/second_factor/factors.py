"""People with a second factor, and the codes that their app would show."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts import one_time_codes
from accounts.actions import second_factor
from accounts.models import TotpDevice, User
from tests.factories import make_user

PASSWORD = "violet anvil harbour tulip"


def stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every moment lies in the present step."""
    now = one_time_codes.step_at(timezone.now())
    monkeypatch.setattr(one_time_codes, "step_at", lambda _: now)


def make_person(role: str = "analyst", password: str = PASSWORD) -> User:
    """A person with a password."""
    user = make_user(role)
    user.set_password(password)
    user.save()
    return user


def current_code(user: User, *, later: int = 0) -> str:
    """What the app shows, some steps later than now."""
    secret = TotpDevice.objects.get(user=user).secret.reveal()
    return one_time_codes.code_of(secret, one_time_codes.step_at(timezone.now()) + later)


def turn_on(user: User) -> list[str]:
    """Set the second factor up with the code of the step before; the recovery codes.

    So the codes of now and of the next step are still good.
    """
    second_factor.enrol(user)
    return second_factor.confirm(user, current_code(user, later=-1))


def wrong_code(user: User) -> str:
    """A code that is right at none of the steps around now."""
    right = {current_code(user, later=step) for step in range(-3, 4)}
    return next(code for code in (f"{number:06}" for number in range(10)) if code not in right)
