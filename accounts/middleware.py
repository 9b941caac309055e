"""Looks at each request of a browser whether the session it came with still lives."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.contrib.auth.models import AnonymousUser
from django.db import Error
from django.http import HttpRequest, HttpResponseBase

from accounts import living_sessions
from accounts.actions import sessions
from accounts.models import Session
from audit.middleware import address
from config.admin.away import away_page, is_away
from database.actor import acting_as

log = structlog.get_logger(__name__)

Respond = Callable[[HttpRequest], HttpResponseBase]


class BrowserSessionMiddleware:
    """Whoever's session has ended, expired or was not used for too long is nobody from here on.

    ``request.browser_session`` is the row, or None; log lines of the request carry its key.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.browser_session = None  # type: ignore[attr-defined] # ours
        if not request.user.is_authenticated:
            return self.get_response(request)
        try:
            session = _session_of(request)
        except Error as error:
            if not is_away(error):
                raise
            log.warning("the database is away", error=str(error))
            return away_page()
        if session is None:
            with acting_as(None):
                return self.get_response(request)
        request.browser_session = session  # type: ignore[attr-defined] # ours
        structlog.contextvars.bind_contextvars(session_id=str(session.pk))
        return self.get_response(request)


def _session_of(request: HttpRequest) -> Session | None:
    """The live session of the request, touched; without one, nobody is logged in any more."""
    key = request.session.session_key
    session = (
        living_sessions.find_browser(key, request.user.pk) if key and request.user.pk else None
    )
    if session is None:
        request.session.flush()
        request.user = AnonymousUser()
        return None
    sessions.touch(session, address=address(request))
    return session
