"""One message to one address: bounded in time and size, and never to an address inside.

The connection goes to the address that was checked (``config.outbound``), follows no redirect, uses
no proxy, keeps no cookie, and is over after ten seconds, however slowly the answer drips.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore
from django.conf import settings

from config.outbound import addresses
from config.outbound.addresses import LOOPBACK_NETWORKS, AddressRefused, Reach
from config.outbound.pinned import Clock, Pinned
from webhooks.errors import NotDelivered

SECONDS: Final = 10.0
_LARGEST: Final = 64 * 1024  # bytes of an answer that are read at all
KEPT: Final = 1000  # characters of it that are kept
_AGENT: Final = "Lacuna-Webhooks/1"
_PRIVATE: Final = (
    *LOOPBACK_NETWORKS,
    *(
        ipaddress.ip_network(text)
        for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``start`` is the beginning of the body, ``retry_after`` seconds."""

    status: int
    start: str
    milliseconds: int
    retry_after: float | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has the message."""
        return 200 <= self.status < 300


def reach() -> Reach:
    """Where endpoints may be."""
    if settings.WEBHOOK_ALLOW_PRIVATE:
        return Reach(networks=_PRIVATE, plain_http=True, called="URL")
    return Reach(called="URL")


def check(url: str) -> str:
    """The URL, if it may be told of anything now; AddressRefused otherwise."""
    return addresses.check_whole(url.strip(), reach())


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS) -> Answer:
    """Send the message once. NotDelivered where there is no answer; AddressRefused."""
    allowed = reach()
    plain = urlsplit(addresses.whole(url, allowed.called)).scheme == "http"
    clock = Clock(seconds)
    backend: Any = Pinned(
        httpcore.SyncBackend(),
        allowed,
        plain=plain,
        clock=clock,
        unreached=(httpcore.ConnectError, httpcore.ConnectTimeout),
    )
    began = time.monotonic()
    try:
        with httpcore.ConnectionPool(
            ssl_context=_certificates(), network_backend=backend, max_connections=1
        ) as pool:
            status, told, start = _exchange(pool, url, body, headers)
    except AddressRefused:
        raise
    except (TimeoutError, httpcore.TimeoutException):
        raise NotDelivered(f"There was no answer within {seconds:g} seconds.") from None
    except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise NotDelivered(_trouble(error)) from None
    return Answer(status, start, round((time.monotonic() - began) * 1000), _retry_after(told))


def _exchange(
    pool: httpcore.ConnectionPool, url: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, dict[str, str], str]:
    parts = urlsplit(url)
    sent = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "User-Agent": _AGENT,
        "Accept": "*/*",
        "Connection": "close",
        **headers,
    }
    request = httpcore.Request(
        "POST",
        url,
        headers=[(name.encode("ascii"), value.encode("ascii")) for name, value in sent.items()],
        content=body,
    )
    with contextlib.closing(pool.handle_request(request)) as answer:
        read = bytearray()
        for piece in answer.iter_stream():
            read += piece
            if len(read) >= _LARGEST:
                break
    told = {
        name.decode("ascii", "replace").lower(): value.decode("ascii", "replace")
        for name, value in answer.headers
    }
    return answer.status, told, bytes(read[: 4 * KEPT]).decode("utf-8", "replace")[:KEPT]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds (RFC 9110, section 10.2.3); a date is not read."""
    text = headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _trouble(error: Exception) -> str:
    """What is wrong with the connection, from the kind of error; its own words name no more."""
    for one in (error, error.__cause__ or error.__context__):
        if isinstance(one, socket.gaierror):
            return "The host's name has no address."
        if isinstance(one, ssl.SSLCertVerificationError):
            return "The certificate is not trusted for the host."
        if isinstance(one, ssl.SSLError):
            return "The host does not speak TLS as it should."
        if isinstance(one, ConnectionRefusedError):
            return "The connection is refused."
    if isinstance(error, httpcore.ConnectError):
        return "The host cannot be reached."
    return "The connection broke off before the answer was complete."


@functools.cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()
