"""What people change of their own second factor: only with proof that it is they who ask.

Whoever finds an open browser, or a token, has neither the password nor the phone. Wrong passwords
and codes count as they do at the door; as what is counted must stay counted, these functions are
not to be called in a transaction.

Each raises LoginRefused and TooManyAttempts of ``log_in``. ``address`` is the visitor's IP address,
which is counted; an empty one is not.
"""

from __future__ import annotations

from accounts.actions import log_in, second_factor
from accounts.actions.second_factor import AlreadyOn, Enrolment, NotOn
from accounts.models import User


def begin(user: User, *, password: str) -> Enrolment:
    """Make a secret, for the password; AlreadyOn."""
    if second_factor.is_on(user):
        raise AlreadyOn(second_factor.ALREADY_ON)
    log_in.confirm(user, password)
    return second_factor.enrol(user)


def turn_off(user: User, *, password: str, code: str, address: str) -> int:
    """Turn it off for password and code, which may be a recovery code; how many sessions ended."""
    _prove(user, password, code, address)
    return second_factor.remove(user, by=user, is_proven=True)


def new_recovery_codes(user: User, *, password: str, code: str, address: str) -> list[str]:
    """A new set for password and code; the old one is void."""
    _prove(user, password, code, address)
    return second_factor.replace_recovery_codes(user)


def _prove(user: User, password: str, code: str, address: str) -> None:
    if not second_factor.is_on(user):
        raise NotOn("One-time codes are not on.")
    person = log_in.confirm(user, password)
    log_in.check_code(person, code, address=address)
