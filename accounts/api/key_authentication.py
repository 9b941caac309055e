"""Programs that come with an API key: ``Authorization: Api-Key prefix.secret``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts.actions import api_keys
from accounts.models import User
from config.api import problems
from config.api.authentication import CHALLENGE
from config.api.errors import Refusal
from config.api.throttles import client_address

_SCHEME: Final = b"api-key"


@dataclass(frozen=True, slots=True)
class KeyCredentials:
    """What a request with a key may do: what its scopes name; it is no log-in."""

    key_id: UUID
    scopes: frozenset[str]
    session_id: None = None


class KeyUsedTooOften(Refusal):
    """The key's own limit, or that of an address whose keys were refused."""

    kind = problems.THROTTLED


class ApiKeyAuthentication(BaseAuthentication):
    """Knows the person by their key; other ways in are left to the other classes."""

    def authenticate(self, request: Request) -> tuple[User, KeyCredentials] | None:
        """The key's person and scopes; 401, 403 or 429 for a key that opens nothing."""
        scheme, _, sent = get_authorization_header(request).partition(b" ")
        if scheme.lower() != _SCHEME:
            return None
        try:
            key = api_keys.find(_text(sent.strip()), address=client_address(request))
        except api_keys.AddressRefused as error:
            raise PermissionDenied(str(error)) from None
        except api_keys.KeyRefused as error:
            raise AuthenticationFailed(str(error)) from None
        except api_keys.TooManyRequests as error:
            raise KeyUsedTooOften(str(error), wait=error.wait) from None
        return key.user, KeyCredentials(key_id=key.pk, scopes=api_keys.scopes_of(key))

    def authenticate_header(self, request: Request) -> str:
        """How to authenticate, for a 401."""
        return CHALLENGE


def _text(sent: bytes) -> str:
    """The key as it was sent; bytes that no key has stay as they are, and are refused."""
    return sent.decode("latin-1")
