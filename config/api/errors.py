"""The refusals of the conventions themselves, as exceptions of REST framework."""

from __future__ import annotations

from rest_framework.exceptions import APIException, PermissionDenied, ValidationError

from config.api import problems
from config.api.problems import ProblemType


class Refusal(APIException):
    """Answered with the problem it names; ``wait`` is sent as ``Retry-After``, in seconds."""

    kind: ProblemType = problems.CONFLICT

    def __init__(self, detail: str | None = None, *, wait: int | None = None) -> None:
        self.status_code = self.kind.status
        super().__init__(detail or self.kind.advice, code=self.kind.slug)
        self.wait = wait


class WrongCursor(Refusal):
    """A cursor that this list did not make."""

    kind = problems.CURSOR


class StillRunning(Refusal):
    """The first request with the idempotency key has not ended."""

    kind = problems.RUNNING


class ShownOnce(Refusal):
    """The first answer held a secret, which is not kept."""

    kind = problems.SHOWN_ONCE


class KeyReused(Refusal):
    """The idempotency key belongs to another request."""

    kind = problems.KEY_REUSED


class PreconditionFailed(Refusal):
    """The row is no longer what ``If-Match`` says."""

    kind = problems.STALE


class PreconditionRequired(Refusal):
    """A change without ``If-Match``."""

    kind = problems.UNCONDITIONAL


class TooLarge(Refusal):
    """A body beyond what is taken."""

    kind = problems.TOO_LARGE


class ScopeMissing(PermissionDenied):
    """An API key that does not reach the endpoint."""

    kind = problems.SCOPE


def wrong_parameter(name: str, detail: str, code: str = "invalid") -> ValidationError:
    """A query parameter or header that cannot be taken, by its name."""
    return ValidationError({name: [detail]}, code=code)
