"""What the API of providers says to programs: scopes of keys, and refusals as problems."""

from __future__ import annotations

from typing import Final

from config.api.problems import CONFLICT, FORBIDDEN, INVALID, NOT_FOUND, register_problem
from config.api.scopes import declare_scope
from providers import errors

READ_PROVIDERS: Final = "read:providers"
READ_USAGE: Final = "read:usage"


def declare() -> None:
    """Make them known; ``AppConfig.ready`` calls it."""
    declare_scope(READ_PROVIDERS, "See AI providers and how they stand.")
    declare_scope(READ_USAGE, "See calls to AI providers, what they cost, and what is left.")
    register_problem(errors.NoSuchProvider, INVALID)
    register_problem(errors.NotAllowed, FORBIDDEN)
    register_problem(errors.NoSuchKey, NOT_FOUND)
    register_problem(errors.KeyStopped, CONFLICT)
    register_problem(errors.KeyNotTaken, INVALID)
    register_problem(errors.KeyNotTested, CONFLICT)
