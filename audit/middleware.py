"""Tells the log of each request: where it came from, and what it was refused."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from audit.context import Context, within
from audit.recording import record

Respond = Callable[[HttpRequest], HttpResponseBase]

_API = "/api/"


class AuditMiddleware:
    """Entries written in a request carry its id, address and browser; a refusal is an entry."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with within(_circumstances(request)):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """A view refused: kept, whatever becomes of the transaction."""
        if isinstance(exception, PermissionDenied):
            record(
                "access.refused",
                outcome="failure",
                error=str(exception),
                details={"method": request.method or "", "path": request.path[:1000]},
            )


def _circumstances(request: HttpRequest) -> Context:
    return Context(
        source="api" if request.path_info.startswith(_API) else "admin",
        request_id=str(request.META.get("REQUEST_ID", "")),
        ip_address=address(request),
        user_agent=request.headers.get("User-Agent", "").replace("\x00", ""),
    )


def address(request: HttpRequest) -> str:
    """The visitor's address; behind a proxy of ours, the one that it saw (its last word)."""
    seen: str = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        forwarded = request.headers.get("X-Forwarded-For", "")
        seen = forwarded.rpartition(",")[2].strip() or seen
    return seen if _is_address(seen) else ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone is no part of an address for PostgreSQL
