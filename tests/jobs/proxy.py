"""A network that can fail: a relay between a worker and the database."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from enum import Enum
from typing import Any
from urllib.parse import quote

from django.db import connection


class Mode(Enum):
    """What the network does."""

    FORWARD = 1
    SILENT = 2  # packets vanish, connections stay
    REFUSE = 3  # connections are cut and new ones closed at once, as while a server restarts
    SWALLOW = 4  # what is sent is taken and lost; such a connection never comes back to life


class Proxy:
    """Relays connections to the test database's server while the network is up.

    ``trap``: a text, and what the network does as soon as a client has said it. The server still
    hears it, but its answer finds the network in the new mode.
    """

    def __init__(self) -> None:
        params: dict[str, Any] = connection.get_connection_params()
        host, port = str(params.get("host") or "localhost"), int(params.get("port") or 5432)
        self._target = (host, port)
        login = quote(params.get("user") or "")
        if password := params.get("password"):
            login += f":{quote(password)}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        own_port = self._listener.getsockname()[1]
        self.url = f"postgresql://{login}@127.0.0.1:{own_port}/{params['dbname']}"
        self.mode = Mode.FORWARD
        self.trap: tuple[bytes, Mode] | None = None
        self._clients: set[socket.socket] = set()
        self._dead: set[socket.socket] = set()  # what comes from there is lost
        self._peers: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closing.is_set():
            if self.mode is Mode.REFUSE:
                self._cut_all()
            if self.mode is Mode.SILENT:
                self._closing.wait(0.02)
                continue
            for key, _ in self._selector.select(timeout=0.02):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._peers:
                    self._relay(key.fileobj)
                if self.mode is Mode.REFUSE:
                    break
        self._cut_all()
        self._listener.close()
        self._selector.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self.mode is Mode.REFUSE:
            client.close()
            return
        server = self._connect()
        self._clients.add(client)
        self._peers |= {client: server, server: client}
        if self.mode is Mode.SWALLOW:
            self._dead |= {client, server}
        for each in (client, server):
            self._selector.register(each, selectors.EVENT_READ)

    def _connect(self) -> socket.socket:
        host, port = self._target
        if host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{host}/.s.PGSQL.{port}")
            return server
        return socket.create_connection(self._target)

    def _relay(self, source: socket.socket) -> None:
        try:
            data = source.recv(65536)
            if self.mode is Mode.SWALLOW:
                self._dead |= {source, self._peers[source]}
            if data:
                if source not in self._dead:
                    self._peers[source].sendall(data)
                self._fall_into_trap(source, data)
                return
        except OSError:
            pass
        self._cut(source)

    def _fall_into_trap(self, source: socket.socket, data: bytes) -> None:
        if self.trap is not None and source in self._clients and self.trap[0] in data:
            self.mode, self.trap = self.trap[1], None
            if self.mode is Mode.SWALLOW:
                self._dead |= {source, self._peers[source]}

    def _cut(self, end: socket.socket) -> None:
        for each in (end, self._peers.pop(end)):
            self._peers.pop(each, None)
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(each)
            self._clients.discard(each)
            self._dead.discard(each)
            each.close()

    def _cut_all(self) -> None:
        while self._peers:
            self._cut(next(iter(self._peers)))
