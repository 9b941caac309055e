"""A server on this machine that speaks the APIs of OpenAI, Anthropic and Google.

    with stub() as s:
        s.answer_with(Drawn(0.1, 0.2, 0.5, 0.8, "crow", 0.9))
        answer = OpenAI(reach=LOOPBACK).annotate(s.access("openai"), ...)
        assert s.billed == 1

It answers every picture with one crow, until it is told otherwise:

    s.answer_with(Drawn(...), Drawn(...))       these boxes from now on; none: no birds
    s.behave(misdeeds.status(500))              this from now on (see ``misdeeds``)
    s.then(misdeeds.status(500), misdeeds.reset())   these once each, then as before
    s.revoke()                                  the key is refused from now on
    s.revoke(after=2)                           ... after two more requests

and keeps what it was asked: ``s.requests``, ``s.billed`` (pictures), ``s.count("openai")``.

A base URL on this machine is refused by default: adapters are made with ``reach=LOOPBACK`` of
``providers.addresses``. Nothing here is ever sent to another machine.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from providers.interface import Access
from tests.providers import misdeeds
from tests.providers.dialects import DIALECTS, TOKENS, Dialect, Drawn, Tokens, spoken
from tests.providers.misdeeds import Behaviour, Exchange

KEY = "sk-stub-5f1e0c7a9d2b4e68"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came. ``headers`` with names in small letters; ``body`` the parsed JSON."""

    provider: str
    method: str
    path: str
    key: str
    headers: dict[str, str]
    body: Any

    @property
    def picture(self) -> bytes:
        return DIALECTS[self.provider].picture(self.body)

    @property
    def instruction(self) -> str:
        return DIALECTS[self.provider].instruction(self.body)

    @property
    def schema(self) -> Any:
        return DIALECTS[self.provider].schema(self.body)


class Stub:
    """See the module."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.key = KEY
        self.requests: list[Seen] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._once: deque[Behaviour] = deque()
        self._standing: Behaviour | None = None
        self._good_for: int | None = None
        self._drawn: tuple[Drawn, ...] = (Drawn(),)
        self._tokens: Tokens | None = TOKENS

    def base_url(self, provider: str) -> str:
        """What to enter as the provider's base URL."""
        return self.address + DIALECTS[provider].base_path

    def access(self, provider: str, *, timeout: float = 10.0, key: str | None = None) -> Access:
        """Everything that an adapter needs to ask here."""
        return Access(
            key=self.key if key is None else key, base_url=self.base_url(provider), timeout=timeout
        )

    def answer_with(self, *drawn: Drawn, tokens: Tokens | None = TOKENS) -> None:
        """Answer every picture with these boxes, in each provider's own units."""
        with self._lock:
            self._drawn, self._tokens, self._standing = drawn, tokens, None

    def behave(self, behaviour: Behaviour) -> None:
        """Do this with every request from now on, also with those for models."""
        with self._lock:
            self._standing = behaviour

    def then(self, *behaviours: Behaviour) -> None:
        """Do these first, once each."""
        with self._lock:
            self._once.extend(behaviours)

    def revoke(self, *, after: int = 0) -> None:
        """Refuse the key, now or after so many more requests."""
        with self._lock:
            self._good_for = after

    @property
    def billed(self) -> int:
        """How often a picture was sent."""
        return sum(seen.method == "POST" for seen in self.requests)

    def count(self, provider: str) -> int:
        """How often a provider was asked for anything."""
        return sum(seen.provider == provider for seen in self.requests)

    def react(self, seen: Seen, exchange: Exchange) -> None:
        """Answer one request; called by the server's threads."""
        with self._lock:
            self.requests.append(seen)
            behaviour = self._next(seen)
        behaviour(exchange)

    def _next(self, seen: Seen) -> Behaviour:
        if seen.key != self.key or self._good_for == 0:
            return misdeeds.status(401, "authentication_error")
        if self._good_for is not None:
            self._good_for -= 1
        if self._once:
            return self._once.popleft()
        if self._standing is not None:
            return self._standing
        dialect = DIALECTS[seen.provider]
        if dialect.lists_models(seen.path):
            return misdeeds.answer(dialect.models())
        return misdeeds.said(spoken(dialect, self._drawn, seen.picture), self._tokens)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._react(None)

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._react(json.loads(data))

    def _react(self, body: Any) -> None:
        stub = self.server.stub
        dialect = self._dialect()
        if dialect is None:
            self.send_error(404)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(dialect.name, self.command, self.path, dialect.key(headers), headers, body)
        try:
            stub.react(seen, Exchange(dialect, self, stub.closing, body))
        except (BrokenPipeError, ConnectionResetError):  # the client has had enough
            self.close_connection = True

    def _dialect(self) -> Dialect | None:
        for dialect in DIALECTS.values():
            if self.path.startswith(dialect.base_path + "/"):
                return dialect
        return None

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    stub: Stub

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # what a client breaks off is part of the play


@contextmanager
def stub(*, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Stub]:
    """A server on a port of its own, for the length of a ``with``.

    ``tls``   speak https with this certificate
    ``host``  the name in the address; the server listens on 127.0.0.1 whatever it is
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    server.stub = Stub(f"{scheme}://{host}:{server.server_address[1]}")
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="stub", daemon=True
    )
    thread.start()
    try:
        yield server.stub
    finally:
        server.stub.closing.set()
        server.shutdown()
        thread.join(5)
        server.server_close()
