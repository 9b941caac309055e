"""What Django itself answers under ``/api/`` is a problem document too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase

from config.api import problems
from config.api.problems import ProblemType

PREFIX: Final = "/api/"
# Headers of the replaced answer that still hold.
_KEPT: Final = (
    "Retry-After",
    "Allow",
    "WWW-Authenticate",
    "Vary",
    "Strict-Transport-Security",
    "Content-Security-Policy",
    "Cross-Origin-Opener-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
)

Respond = Callable[[HttpRequest], HttpResponseBase]


class ProblemMiddleware:
    """Replaces the pages for wrong hosts, unknown addresses, lost databases and faults.

    It stands outside everything that may answer such a page, and inside the middleware that gives
    the request its id.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or not request.path_info.startswith(PREFIX):
            return response
        if response.headers.get("Content-Type", "").startswith(problems.MEDIA_TYPE):
            return response
        return _replaced(request, response)


def _replaced(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    status = response.status_code
    kind = problems.BY_STATUS.get(status) or _nearest(status)
    headers = {name: response[name] for name in _KEPT if name in response}
    told = problems.problem_response(kind, request, status=status, headers=headers)
    told.cookies = response.cookies
    # Django marks what it has logged, and would log the new answer to the same request once more.
    logged = getattr(response, "_has_been_logged", False)
    setattr(told, "_has_been_logged", logged)  # noqa: B010 - private, absent from the stubs
    if response.streaming:  # closing any other would tell everybody that the request has ended
        response.close()
    return told


def _nearest(status: int) -> ProblemType:
    return problems.FAULT if status >= 500 else problems.MALFORMED
