"""People who come with an access token, or with the session of their browser.

REST framework imports this while it is being imported itself: nothing here may import its views.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import living_sessions
from accounts.actions import sessions
from accounts.models import User
from accounts.tokens import access
from accounts.tokens.errors import KeyringError, WrongToken
from config.api.authentication import CHALLENGE, SessionCookieAuthentication
from config.api.errors import Refusal
from config.api.problems import ProblemType, declare_problem
from config.api.throttles import client_address

log = structlog.get_logger(__name__)

_SCHEME: Final = b"bearer"


@dataclass(frozen=True, slots=True)
class SessionCredentials:
    """What a request with a session may do: all that the role may; and which session it is."""

    session_id: UUID
    scopes: None = None


class TokensAway(Refusal):
    """The keys that sign access tokens cannot be read; why is in the log."""

    kind = declare_problem(
        ProblemType(
            "tokens-unavailable",
            503,
            "Access tokens cannot be made or checked at the moment",
            "The keys that sign them cannot be read. The log says why; tell an admin.",
        )
    )


@contextmanager
def signing() -> Iterator[None]:
    """For what reads the keyring: when it cannot be read, a stranger is not told where it lies."""
    try:
        yield
    except KeyringError as error:
        log.error("the keyring of tokens cannot be used", error=str(error))  # noqa: TRY400 - the sentence says it
        raise TokensAway from None


class AccessTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer`` with an access token whose session lives."""

    def authenticate(self, request: Request) -> tuple[User, SessionCredentials] | None:
        """The person of the token; 401 for one that is not valid, or whose session is over."""
        scheme, _, sent = get_authorization_header(request).partition(b" ")
        if scheme.lower() != _SCHEME:
            return None
        try:
            with signing():
                token = access.decode(sent.strip().decode("latin-1"))
        except WrongToken as error:
            raise AuthenticationFailed(str(error)) from None
        session = living_sessions.find_api(token.session_id, token.user_id)
        if session is None:
            raise AuthenticationFailed("The session of this access token is over. Log in again.")
        structlog.contextvars.bind_contextvars(session_id=str(session.pk))
        sessions.touch(session, address=client_address(request))
        return session.user, SessionCredentials(session.pk)

    def authenticate_header(self, request: Request) -> str:
        """How to authenticate, for a 401."""
        return CHALLENGE


class BrowserAuthentication(SessionCookieAuthentication):
    """The person logged in to the pages, whose session ``accounts.middleware`` has looked at."""

    def authenticate(self, request: Request) -> tuple[User, SessionCredentials] | None:
        """The person; PermissionDenied where a change lacks the CSRF token."""
        found: tuple[User, Any] | None = super().authenticate(request)
        session = getattr(request._request, "browser_session", None)
        if found is None or session is None:
            return None
        return found[0], SessionCredentials(session.pk)
