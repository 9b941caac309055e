"""Another system on this machine, which takes what it is told, or does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came; names of headers in small letters."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What it was told, and what it answers: 204 until it is told otherwise."""

    url: str
    seen: list[Seen] = field(default_factory=list)
    behaviour: Behaviour | None = None
    closing: threading.Event = field(default_factory=threading.Event)

    def answers(self, status: int, body: bytes = b"", **headers: str) -> None:
        """This from now on."""

        def behave(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self.behaviour = behave

    def drips(self) -> None:
        """One byte now and then, without end."""

        def behave(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self.closing.is_set():
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(0.05)

        self.behaviour = behave

    def floods(self) -> None:
        """A body without end."""

        def behave(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            while not self.closing.is_set():
                handler.wfile.write(b"flood " * 4000)

        self.behaviour = behave


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Serve until the block is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.seen.append(Seen(self.path, headers, body))
            try:
                if made.behaviour is None:
                    self.send_response(204)
                    self.end_headers()
                else:
                    made.behaviour(self)
            except OSError:  # the caller has had enough
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Nothing: tests look at what was seen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(f"http://127.0.0.1:{server.server_port}/hook?team=birds")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        made.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
