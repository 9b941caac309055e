"""Problem documents (RFC 9457): every kind of error the API answers with, and how it is written.

A package registers its own refusals in ``AppConfig.ready``::

    register_problem(NotNow, CONFLICT)
    register_problem(QuotaUsedUp, ProblemType("quota-used-up", 403, "The quota is used up", "…"))

The text of such an exception is shown to the caller as ``detail``: it must be a sentence fit for a
stranger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path

MEDIA_TYPE: Final = "application/problem+json"
_BASE: Final = "/api/problems/"
# Longer addresses are somebody's attempt at something.
_LONGEST_PATH: Final = 1000


@dataclass(frozen=True)
class ProblemType:
    """One kind of error: the last part of its address, its status, its name, and what to do."""

    slug: str
    status: int
    title: str
    advice: str

    @property
    def uri(self) -> str:
        """The address that names the kind and, opened, explains it."""
        return f"{_BASE}{self.slug}"


class FieldError(TypedDict):
    """What is wrong with one field; a nested one is written ``outer.inner``, an item ``list.0``."""

    field: str
    code: str
    detail: str


PROBLEMS: Final[dict[str, ProblemType]] = {}
_BY_EXCEPTION: Final[dict[type[Exception], ProblemType]] = {}


def declare_problem(kind: ProblemType) -> ProblemType:
    """Make the kind known; its address is documented from then on."""
    known = PROBLEMS.setdefault(kind.slug, kind)
    if known != kind:
        raise ImproperlyConfigured(f"There are two kinds of problem named {kind.slug}.")
    return kind


def register_problem(exception: type[Exception], kind: ProblemType) -> None:
    """Answer this exception, and those derived from it, with this kind of problem."""
    _BY_EXCEPTION[exception] = declare_problem(kind)


def problem_of(error: Exception) -> ProblemType | None:
    """The kind registered for the exception or for the nearest class it derives from."""
    for base in type(error).__mro__:
        kind = _BY_EXCEPTION.get(base)
        if kind is not None:
            return kind
    return None


def _declare(slug: str, status: int, title: str, advice: str) -> ProblemType:
    return declare_problem(ProblemType(slug, status, title, advice))


INVALID: Final = _declare(
    "invalid-input",
    400,
    "The input is not valid",
    "Each entry of errors names a field and what is wrong with it. Correct these and send the"
    " request again.",
)
MALFORMED: Final = _declare(
    "malformed-request",
    400,
    "The request could not be read",
    "The body, an address or a header is not what its format demands: JSON that does not parse, a"
    " broken upload, a host that is not served. The detail says which.",
)
CURSOR: Final = _declare(
    "wrong-cursor",
    400,
    "The cursor does not belong to this list",
    "Cursors come from next and previous, belong to one list in one order, and must not be"
    " changed. Start again from the first page.",
)
UNAUTHENTICATED: Final = _declare(
    "not-authenticated",
    401,
    "Nobody is named who asks",
    "Send an access token (Authorization: Bearer …) or an API key (Authorization: Api-Key …) that"
    " is valid and not expired.",
)
FORBIDDEN: Final = _declare(
    "not-allowed",
    403,
    "This is not allowed",
    "The person's role does not give the permission, or the form's CSRF token is missing. Ask an"
    " admin for the role.",
)
SCOPE: Final = _declare(
    "scope-missing",
    403,
    "The API key does not reach this",
    "The key has not the scope that the endpoint names. Make a key with that scope; some endpoints"
    " cannot be reached with any key.",
)
NOT_FOUND: Final = _declare(
    "not-found",
    404,
    "There is nothing here",
    "The address is mistyped, the row is gone, or it is somebody else's. Addresses end in a slash.",
)
METHOD: Final = _declare(
    "method-not-allowed",
    405,
    "This cannot be done with this address",
    "The header Allow lists the methods that can be used.",
)
UNACCEPTABLE: Final = _declare(
    "not-acceptable",
    406,
    "No such format is offered",
    "Answers are JSON. Send Accept: application/json, or leave the header out.",
)
CONFLICT: Final = _declare(
    "conflict",
    409,
    "The present state does not allow this",
    "Something stands against it: the row is in another state, the same value exists already, or"
    " somebody else is changing it. Read it again and decide anew.",
)
RUNNING: Final = _declare(
    "still-running",
    409,
    "The first request with this key is still running",
    "Wait as long as Retry-After says, then send the request again with the same key.",
)
SHOWN_ONCE: Final = _declare(
    "shown-once",
    409,
    "The answer held a secret and was shown once",
    "The first request with this key succeeded. Its secret is not kept, so it cannot be repeated:"
    " withdraw what was made and make a new one with another key.",
)
STALE: Final = _declare(
    "precondition-failed",
    412,
    "It was changed meanwhile",
    "The ETag in If-Match is not the present one. Read again, look at what changed, and send the"
    " change with the new ETag.",
)
TOO_LARGE: Final = _declare(
    "too-large",
    413,
    "The body is too large",
    "The detail says how much is taken. Send less at once, or use the upload endpoint for files.",
)
MEDIA: Final = _declare(
    "unsupported-media-type",
    415,
    "The body has a format that is not read here",
    "Send JSON in UTF-8 (Content-Type: application/json); files as multipart/form-data, and only"
    " to endpoints that take uploads.",
)
KEY_REUSED: Final = _declare(
    "key-reused",
    422,
    "The idempotency key was used for another request",
    "A key belongs to one request: same method, address and body. Make a new one for a new"
    " request.",
)
UNCONDITIONAL: Final = _declare(
    "precondition-required",
    428,
    "Say which state is to be changed",
    "Read first and send the ETag of the answer as If-Match.",
)
THROTTLED: Final = _declare(
    "too-many-requests",
    429,
    "Too many requests",
    "Wait as many seconds as Retry-After says.",
)
FAULT: Final = _declare(
    "internal-error",
    500,
    "Something failed on our side",
    "What you asked for was not completed. The failure is in the log under the request_id; tell it"
    " to an admin if it stays so.",
)
AWAY: Final = _declare(
    "unavailable",
    503,
    "The service cannot answer at the moment",
    "The database cannot be reached or took too long. Wait as many seconds as Retry-After says.",
)

# Which kind stands for a status that something else than the API's own code answered with.
BY_STATUS: Final[dict[int, ProblemType]] = {
    400: MALFORMED,
    401: UNAUTHENTICATED,
    403: FORBIDDEN,
    404: NOT_FOUND,
    405: METHOD,
    406: UNACCEPTABLE,
    409: CONFLICT,
    412: STALE,
    413: TOO_LARGE,
    415: MEDIA,
    422: KEY_REUSED,
    428: UNCONDITIONAL,
    429: THROTTLED,
    500: FAULT,
    503: AWAY,
}


def document(
    kind: ProblemType,
    request: HttpRequest,
    detail: str = "",
    *,
    status: int | None = None,
    errors: Sequence[FieldError] = (),
) -> dict[str, Any]:
    """The problem as the object that is sent; ``detail`` says what was wrong with this request."""
    told: dict[str, Any] = {
        "type": kind.uri,
        "title": kind.title,
        "status": status or kind.status,
        "detail": detail or kind.advice,
        "instance": escape_uri_path(request.path[:_LONGEST_PATH]),
        "request_id": str(request.META.get("REQUEST_ID", "")),
    }
    if errors:
        told["errors"] = list(errors)
    return told


def problem_response(
    kind: ProblemType,
    request: HttpRequest,
    detail: str = "",
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A problem outside the API's views, where no renderer is at hand."""
    content = document(kind, request, detail, status=status)
    response = HttpResponse(
        json.dumps(content), content_type=MEDIA_TYPE, status=content["status"], headers=headers
    )
    response.setdefault("Cache-Control", "no-store")
    return response
