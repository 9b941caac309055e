"""Every request has an id that its log lines carry, and names the person it acts for."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import structlog
from django.db import Error
from django.http import HttpRequest, HttpResponseBase

from config.admin.away import away_page, is_away
from database.actor import acting_as, acting_as_system

# What a proxy in front of us may hand over; anything else gets a fresh id.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")

log = structlog.get_logger(__name__)

Respond = Callable[[HttpRequest], HttpResponseBase]


class RequestIdMiddleware:
    """Reads or makes the request's id, binds it to the log and answers with it."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex
        request.META["REQUEST_ID"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class ActingUserMiddleware:
    """Tells the database for whom the request's queries run."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            # Reads the session: the first thing in a request that needs the database.
            with acting_as_system():  # who asks is not known yet
                actor = request.user.pk if request.user.is_authenticated else None
        except Error as error:
            if not is_away(error):
                raise
            log.warning("the database is away", error=str(error))
            return away_page()
        with acting_as(actor):
            return self.get_response(request)
