"""A connection that goes to addresses that were checked a moment ago, and ends at one moment.

What is made here is handed to a connection pool of httpcore, or of a library with the same
interface, as its ``network_backend``. A client waits anew between any two bytes, and looks a name
up once more before it connects: here the whole exchange has one end, however slowly the answer
drips, and the connection goes to the very address that was found to be allowed. TLS proves the
host's name. One thing is left to the system: looking a name up in the DNS ends when the resolver
gives up.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any, Final, Protocol

from config.outbound.addresses import AddressRefused, Reach, resolve

_SLICE: Final = 16 * 1024  # bytes that are sent before the clock is looked at again


class Stream(Protocol):
    """A connection as the library has it."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes; none at the end."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""

    def close(self) -> None:
        """End it."""

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> Stream:
        """The same, encrypted."""

    def get_extra_info(self, info: str) -> Any:
        """What the library knows of the socket."""


class Backend(Protocol):
    """How the library connects."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Any:
        """A connection to the host."""


class Clock:
    """The moment when everything must be over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = time.monotonic() + seconds

    def start(self) -> None:
        """Count from now: until here, libraries were imported and the request written."""
        self._until = time.monotonic() + self.seconds

    def left(self) -> float:
        """Seconds, more than 0. TimeoutError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Pinned:
    """Connects to addresses that were checked a moment ago, never to a name.

    ``backend``    the library's own, which connects to one address
    ``plain``      the URL is http, which only this machine itself is asked with
    ``unreached``  what the library raises where an address cannot be reached: the next is tried
    """

    def __init__(
        self,
        backend: Backend,
        reach: Reach,
        *,
        plain: bool,
        clock: Clock,
        unreached: tuple[type[Exception], ...],
    ) -> None:
        self._backend = backend
        self._reach = reach
        self._unencrypted = plain
        self._clock = clock
        self._unreached = unreached

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Timed:
        """A connection to the first of the host's addresses that answers."""
        trouble: Exception = socket.gaierror(f"{host} has no address")
        found = resolve(host, port, self._reach, plain=self._unencrypted)
        for tried, address in enumerate(found):
            patience = self._clock.left() / (len(found) - tried)  # the next may be quicker
            try:
                stream = self._backend.connect_tcp(
                    str(address), port, patience, local_address, socket_options
                )
            except self._unreached as error:
                trouble = error
                continue
            return Timed(stream, self._clock)
        raise trouble

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Timed:
        """Refused: a socket on the disk is a door inwards."""
        raise AddressRefused(f"The {self._reach.called} is not asked over a Unix socket.")

    def sleep(self, seconds: float) -> None:
        """Wait, as pools do that try again; no longer than there is time."""
        time.sleep(min(seconds, self._clock.left()))


class Timed:
    """A stream whose every step ends at one moment, whatever time-out it is given."""

    def __init__(self, stream: Stream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes; none at the end."""
        return self._stream.read(max_bytes, self._clock.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        for start in range(0, len(buffer), _SLICE):
            self._stream.write(buffer[start : start + _SLICE], self._clock.left())

    def close(self) -> None:
        """End it."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> Timed:
        """The same, encrypted."""
        secured = self._stream.start_tls(ssl_context, server_hostname, self._clock.left())
        return Timed(secured, self._clock)

    def get_extra_info(self, info: str) -> Any:
        """What the library knows of the socket."""
        return self._stream.get_extra_info(info)
