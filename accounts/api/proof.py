"""Refusals of who asks for something that weighs much, and of links from mails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rest_framework.exceptions import ValidationError

from accounts.actions import log_in
from accounts.actions.passwords import WeakPassword
from accounts.passwords import HashingBusy
from config.api import problems
from config.api.errors import Refusal
from config.api.problems import ProblemType, declare_problem

LINK_DEAD: Final = ProblemType(
    "dead-link",
    410,
    "The link opens nothing",
    "It was used already, has expired or was withdrawn, or its token was not copied whole. Which of"
    " them is not told. Ask for a new one.",
)


class NotProved(Refusal):
    """The password or the code that had to be given once more is wrong."""

    kind = declare_problem(
        ProblemType(
            "not-proved",
            403,
            "The password or the code is wrong",
            "This takes your password, and where a second factor is on also a code. Failures count"
            " as failed log-ins do.",
        )
    )


class TooMany(Refusal):
    """To be tried again later."""

    kind = problems.THROTTLED


class Busy(Refusal):
    """No slot came free to hash a password."""

    kind = problems.AWAY


@contextmanager
def answered(*, weak: str = "password") -> Iterator[None]:
    """What the actions refuse inside, as the API says it; ``weak`` is the password's field."""
    try:
        yield
    except WeakPassword as error:
        raise ValidationError({weak: error.sentences}) from None
    except HashingBusy as error:
        raise Busy(str(error), wait=error.retry_after) from None
    except log_in.ServerBusy as error:
        raise Busy(str(error), wait=error.retry_after) from None
    except log_in.TooManyAttempts as error:
        raise TooMany(str(error), wait=error.retry_after) from None
    except log_in.LoginRefused as error:
        raise NotProved(str(error)) from None
