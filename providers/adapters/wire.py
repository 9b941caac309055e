"""The connection to a provider, which its library is made to use.

The libraries follow redirects, read answers of any length, wait between any two bytes for the
whole time-out, and take headers and addresses from the environment. What is built here instead

- connects to the very address that was checked, for each connection anew
  (``config.outbound``); TLS still proves the host's name,
- ends the whole call at one moment, however slowly the answer drips,
- reads so much of the unpacked answer and no more,
- follows no redirect, uses no proxy, and keeps no cookie,
- sends the headers that the API needs, and the key that was handed over, nothing from elsewhere,
- and turns every answer but a success into our refusals, the same for all providers.

One thing is left to the system: looking a name up in the DNS ends when the resolver gives up.

It is imported with the first call only: httpx2 comes with the extra ``providers``.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

import httpcore2
import httpx2

from config.outbound.pinned import Clock, Pinned
from providers.adapters import reading, statuses
from providers.addresses import AddressRefused, Reach
from providers.interface import AnswerUnreadable, ProviderDown, RequestRefused

LARGEST: Final = 8 * 1024 * 1024  # bytes of an unpacked answer; 10,000 boxes take about 1 MB
_LONG_ENOUGH: Final = 8  # characters; a shorter key would be found in any text by chance
_SENT: Final = {
    "accept",
    "accept-encoding",
    "anthropic-version",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
}
# What of an answer's headers the libraries and the adapters look at.
_TOLD: Final = {"content-type", "request-id", "x-request-id"}
_REMOVED: Final = b"[key removed]"


class Wire(httpx2.BaseTransport):
    """One call's way to the provider.

    ``title``       what the provider is called in sentences
    ``plain``       the base URL is http, which only this machine itself is asked with
    ``credential``  the header that carries the key, and its whole value
    ``key``         what must not come back: it is removed from every answer
    ``timeout``     seconds from the beginning of the request to the end of the answer

    ``answered``    whether a success came back
    """

    def __init__(
        self,
        title: str,
        *,
        reach: Reach,
        plain: bool,
        credential: tuple[str, str],
        key: str,
        timeout: float,
    ) -> None:
        self._title = title
        self._credential = credential
        self._key = key.encode() if len(key) >= _LONG_ENOUGH else b""
        self._clock = Clock(timeout)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_certificates(),
            network_backend=_pinned(reach, plain=plain, clock=self._clock),
        )
        self.answered = False

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask once. Raises our own errors, which the libraries wrap or let pass."""
        self._clock.start()
        try:
            status, headers, body = self._exchange(request)
        except AddressRefused as refused:
            raise RequestRefused(str(refused)) from None
        except (TimeoutError, httpcore2.TimeoutException):
            raise ProviderDown(
                f"{self._title} did not answer within {self._clock.seconds:g} seconds."
            ) from None
        except (OSError, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            never_reached = isinstance(error, httpcore2.ConnectError | socket.gaierror)
            raise ProviderDown(
                f"{self._title} {_trouble(error)}.", may_be_billed=not never_reached
            ) from None
        if 200 <= status < 300:
            self.answered = True
            kept = {name: value for name, value in headers.items() if name in _TOLD}
            return httpx2.Response(status, headers=kept, content=body, request=request)
        try:
            told = reading.parsed(body)
        except reading.Unreadable:
            told = None
        raise statuses.refusal(self._title, status, headers, told)

    def close(self) -> None:
        self._pool.close()

    def _exchange(self, request: httpx2.Request) -> tuple[int, dict[str, str], bytes]:
        answer = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=self._headers(request),
                content=request.read(),
                extensions=request.extensions,
            )
        )
        with contextlib.closing(answer):
            unpacking = httpx2.Response(
                answer.status, headers=answer.headers, stream=_Stream(answer)
            )
            try:
                body = b"".join(self._bounded(unpacking))
            except AnswerUnreadable:
                if answer.status < 300:
                    raise
                body = b""  # a refusal is told by its status alone
        headers = {
            name.decode("ascii", "replace").lower(): self._without_key(value).decode(
                "ascii", "replace"
            )
            for name, value in answer.headers
        }
        return answer.status, headers, self._without_key(body)

    def _headers(self, request: httpx2.Request) -> list[tuple[bytes, bytes]]:
        kept = [(name, value) for name, value in request.headers.raw if _name(name) in _SENT]
        name, value = self._credential
        return [*kept, (name.encode(), value.encode())]

    def _bounded(self, response: httpx2.Response) -> Iterator[bytes]:
        """The unpacked answer, piece by piece, as long as it is not too large."""
        size = 0
        try:
            for piece in response.iter_bytes():
                size += len(piece)
                if size > LARGEST:
                    raise AnswerUnreadable(
                        f"{self._title} answered with more than {LARGEST} bytes; the rest was not"
                        " read."
                    )
                yield piece
        except httpx2.DecodingError:
            raise AnswerUnreadable(
                f"{self._title} answered with bytes that cannot be unpacked."
            ) from None

    def _without_key(self, data: bytes) -> bytes:
        return data.replace(self._key, _REMOVED) if self._key else data


def _pinned(reach: Reach, *, plain: bool, clock: Clock) -> Any:
    unreached = (httpcore2.ConnectError, httpcore2.ConnectTimeout)
    return Pinned(httpcore2.SyncBackend(), reach, plain=plain, clock=clock, unreached=unreached)


class _Stream(httpx2.SyncByteStream):
    """An answer's bytes as they come over the wire, still packed."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()


def _name(raw: bytes) -> str:
    return raw.decode("ascii", "replace").lower()


def _trouble(error: Exception) -> str:
    """What is wrong with the connection, from the kind of error; its own words name no more."""
    cause = error.__cause__ or error.__context__ or error
    for one in (error, cause):
        if isinstance(one, socket.gaierror):
            return "cannot be found: the host's name has no address"
        if isinstance(one, ssl.SSLCertVerificationError):
            return "shows a certificate that is not trusted for the host"
        if isinstance(one, ssl.SSLError):
            return "does not speak TLS as it should"
        if isinstance(one, ConnectionRefusedError):
            return "refuses the connection"
    if isinstance(error, httpcore2.ConnectError):
        return "cannot be reached"
    return "broke off before the answer was complete"


@functools.cache
def _certificates() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def client(transport: Wire) -> httpx2.Client:
    """The client that a library is given; closing it closes the transport."""
    return httpx2.Client(transport=transport, follow_redirects=False, trust_env=False, timeout=None)
