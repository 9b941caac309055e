"""How often somebody may ask: windows of fixed length, counted in the database by one statement.

The counting itself is the accounts package's; ``API_THROTTLE_STORE`` names it.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

# An owner of one IPv6 network has all its addresses: count the network.
_IPV6_NETWORK: Final = 64


class ThrottleStore(Protocol):
    """Counts requests across all processes."""

    def __call__(self, scope: str, subject: str, *, most: int, seconds: int) -> int:
        """Count one request; the seconds to wait, 0 while at most ``most`` came in the window."""


class Limit(BaseThrottle):
    """At most ``most`` requests of one subject in ``seconds``; ``scope`` keeps limits apart."""

    scope = "requests"
    most = 60
    seconds = 60

    _wait = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request, unless nobody is counted here."""
        subject = self.subject(request)
        if subject is None:
            return True
        self._wait = _store()(self.scope, subject, most=self.most, seconds=self.seconds)
        return self._wait == 0

    def wait(self) -> float | None:
        """Seconds until the next request is answered."""
        return self._wait or None

    def subject(self, request: Request) -> str | None:
        """Who is counted; None for nobody."""
        raise NotImplementedError(f"{type(self).__name__} must say whom it counts.")


class AddressLimit(Limit):
    """By address, for requests of nobody in particular."""

    scope = "anonymous"

    def subject(self, request: Request) -> str | None:
        """The address, or its network; None for a person who is known."""
        known = request.user is not None and request.user.is_authenticated
        return None if known else network_of(client_address(request))


class PersonLimit(Limit):
    """By person, with whatever they come."""

    scope = "person"
    most = 1200

    def subject(self, request: Request) -> str | None:
        """The person's key; None for nobody."""
        known = request.user is not None and request.user.is_authenticated
        return str(request.user.pk) if known else None


def client_address(request: Request | HttpRequest) -> str:
    """The caller's address, as the audit log notes it; empty when there is none."""
    plain = request._request if isinstance(request, Request) else request
    return _address()(plain)


def network_of(address: str) -> str:
    """What is counted as one caller: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
    return str(parsed)


def _store() -> ThrottleStore:
    return cast("ThrottleStore", _named(settings.API_THROTTLE_STORE))


def _address() -> Callable[[HttpRequest], str]:
    return cast("Callable[[HttpRequest], str]", _named(settings.API_CLIENT_ADDRESS))


@functools.cache
def _named(name: str) -> Any:
    return import_string(name)
