"""The browser's session as a way into the API; tokens and keys are the accounts package's."""

from __future__ import annotations

from typing import Final

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

# What a caller without any of them is told to come with (RFC 9110, section 11.6.1).
CHALLENGE: Final = 'Bearer realm="api", Api-Key realm="api"'


class SessionCookieAuthentication(SessionAuthentication):
    """The person logged in to the pages; changes need the CSRF token in ``X-CSRFToken``."""

    def authenticate_header(self, request: Request) -> str:
        """Something to answer with 401 instead of 403."""
        return CHALLENGE
