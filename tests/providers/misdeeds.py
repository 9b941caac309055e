"""Everything that a provider's server can do wrong, each as a behaviour for ``stub``."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.providers.dialects import TOKENS, Dialect, Tokens


@dataclass
class Exchange:
    """One request that is to be answered.

    ``closing``  is set when the stub ends: whoever keeps a client waiting waits for it
    """

    dialect: Dialect
    handler: BaseHTTPRequestHandler
    closing: threading.Event
    body: Any

    def reply(
        self,
        status: int,
        body: bytes,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        """Send an answer. ``length``: what its header claims, if that is not true."""
        self.start(
            status, content_type, {**(headers or {}), "Content-Length": str(length or len(body))}
        )
        self.handler.wfile.write(body)

    def start(self, status: int, content_type: str, headers: Mapping[str, str]) -> None:
        """Send the head of an answer."""
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", content_type)
        self.handler.send_header("X-Request-Id", "req-stub-1")
        for name, value in headers.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()


Behaviour = Callable[[Exchange], None]


def status(code: int, error: str = "invalid_request_error", **headers: str) -> Behaviour:
    """A refusal with this status, in the provider's own form. ``retry_after="3"`` is a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def behave(exchange: Exchange) -> None:
        body = json.dumps(exchange.dialect.error(code, error)).encode()
        exchange.reply(code, body, headers=named)

    return behave


def answer(body: Any, code: int = 200) -> Behaviour:
    """This JSON and nothing else."""
    return page(json.dumps(body).encode(), code=code)


def page(body: bytes, content_type: str = "application/json", code: int = 200) -> Behaviour:
    """These bytes, whatever they are."""
    return lambda exchange: exchange.reply(code, body, content_type=content_type)


def html(code: int = 200) -> Behaviour:
    """A page for people, as proxies and captive portals send it."""
    return page(b"<!doctype html><title>Sign in</title><p>Sign in first.", "text/html", code)


def said(text: str, tokens: Tokens | None = TOKENS, *, ended: str = "well") -> Behaviour:
    """A well-formed answer in which the model says this; see ``Dialect.answer``."""

    def behave(exchange: Exchange) -> None:
        whole = exchange.dialect.answer(text, tokens, ended=ended)
        exchange.reply(200, json.dumps(whole).encode())

    return behave


def half_a_json() -> Behaviour:
    """The first half of an envelope, sent as if it were whole."""

    def behave(exchange: Exchange) -> None:
        whole = json.dumps(exchange.dialect.answer("{}", TOKENS)).encode()
        exchange.reply(200, whole[: len(whole) // 2])

    return behave


def half_an_answer() -> Behaviour:
    """The connection ends before as many bytes came as were announced."""

    def behave(exchange: Exchange) -> None:
        exchange.reply(200, b'{"id": "resp_1", ', length=4000)
        exchange.handler.close_connection = True

    return behave


def reset() -> Behaviour:
    """The connection is reset without a word."""

    def behave(exchange: Exchange) -> None:
        now = struct.pack("ii", 1, 0)  # linger for no time: RST instead of FIN
        exchange.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        exchange.handler.close_connection = True

    return behave


def silence() -> Behaviour:
    """No answer at all."""

    def behave(exchange: Exchange) -> None:
        exchange.closing.wait(30)
        exchange.handler.close_connection = True

    return behave


def drip(pause: float = 0.05) -> Behaviour:
    """One byte at a time, for ever: no single wait is long."""

    def behave(exchange: Exchange) -> None:
        exchange.start(200, "application/json", {"Content-Length": "1000000"})
        while not exchange.closing.wait(pause):
            exchange.handler.wfile.write(b" ")
            exchange.handler.wfile.flush()

    return behave


def redirect(to: str, code: int = 307) -> Behaviour:
    """Sends the client, with its body and perhaps its key, to another address."""
    return lambda exchange: exchange.reply(code, b"", headers={"Location": to})


def gzip_bomb(size: int = 256 * 1024 * 1024) -> Behaviour:
    """Few bytes that unpack into many: a quarter of a gigabyte from a quarter of a megabyte."""

    def behave(exchange: Exchange) -> None:
        packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        block = b" " * (1024 * 1024)
        packed = b"".join(packer.compress(block) for _ in range(size // len(block)))
        packed += packer.flush()
        exchange.reply(200, packed, headers={"Content-Encoding": "gzip"})

    return behave


def packed(text: str) -> Behaviour:
    """A good answer, compressed, as most servers send it."""

    def behave(exchange: Exchange) -> None:
        whole = json.dumps(exchange.dialect.answer(text, TOKENS)).encode()
        exchange.reply(200, gzip.compress(whole), headers={"Content-Encoding": "gzip"})

    return behave


def wrongly_packed(code: int = 200) -> Behaviour:
    """Says that it is compressed, and is not."""
    return lambda exchange: exchange.reply(
        code, b"this is no gzip", headers={"Content-Encoding": "gzip"}
    )


def echoing(text: str = "{key}", code: int = 400) -> Behaviour:
    """A refusal that repeats the key in its body, its codes and its headers."""

    def behave(exchange: Exchange) -> None:
        headers = {name.lower(): value for name, value in exchange.handler.headers.items()}
        words = text.format(key=exchange.dialect.key(headers))
        body = {"error": {"message": words, "code": words, "type": words, "status": words}}
        exchange.reply(code, json.dumps(body).encode(), headers={"Request-Id": words})

    return behave
