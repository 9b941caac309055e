"""The search finds what is there: without this, that nothing was found would say nothing."""

from __future__ import annotations

import base64
import html
import json
import secrets
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.api.secrets.search import Search

SECRET = 'Zw8"q\\' + "correct horse's ünlimited <violet> & tulip" + "%x9/Kd+"


def around(secret: str) -> str:
    return f"a line before it, {secret} and a line behind\n" * 3


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "json": lambda text: json.dumps({"x": text}).encode(),
    "json in unicode": lambda text: json.dumps({"x": text}, ensure_ascii=False).encode(),
    "json in json": lambda text: json.dumps({"y": json.dumps({"x": text})}).encode(),
    "html": lambda text: html.escape(text).encode(),
    "address": lambda text: quote(text, safe="").encode(),
    "address in address": lambda text: quote(quote(text, safe=""), safe="").encode(),
    "every byte in percent": lambda text: "".join(f"%{b:02X}" for b in text.encode()).encode(),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "capital hexadecimal": lambda text: text.encode().hex().upper().encode(),
    "bytea of PostgreSQL": lambda text: b"\\\\x" + text.encode().hex().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 after one": lambda text: base64.b64encode(b"x" + text.encode()),
    "base64 after two": lambda text: base64.b64encode(b"xy" + text.encode()),
    "base64url": lambda text: base64.urlsafe_b64encode(b"ada:" + text.encode()),
    "utf-16": lambda text: text.encode("utf-16-le"),
    "repr": lambda text: repr(text).encode(),
    "repr of bytes": lambda text: repr(text.encode()).encode(),
    "sql": lambda text: f"VALUES ('{text.replace(chr(39), chr(39) * 2)}')".encode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("before", range(9))
def test_a_secret_is_found_in_every_encoding_at_every_place(encoding: str, before: int) -> None:
    search = Search()
    search.plant("password", SECRET)
    written = secrets.token_bytes(before) + ENCODINGS[encoding](SECRET) + b" behind"

    assert {found.kind for found in search.find(written)} == {"password"}


@pytest.mark.parametrize("part", [SECRET[:20], SECRET[-18:], SECRET[10:40]])
def test_a_part_of_a_secret_is_found(part: str) -> None:
    search = Search()
    search.plant("password", SECRET)

    assert search.find(around(part).encode())


@pytest.mark.parametrize("length", [12, 13, 16, 17, 32, 47, 86, 200])
def test_short_and_long_ones_are_found_among_thousands(length: int) -> None:
    search = Search()
    for number in range(500):
        search.plant(f"other {number % 3}", secrets.token_urlsafe(24))
    secret = search.plant("this", secrets.token_hex(100)[:length])
    written = secrets.token_bytes(200_000) + around(secret).encode() + secrets.token_bytes(200_000)

    assert {found.kind for found in search.find(written)} == {"this"}
    assert search.find(secrets.token_bytes(400_000) + secrets.token_urlsafe(100_000).encode()) == []
    assert sum(search.count.values()) == 501


def test_bytes_are_found_as_they_are_and_encoded() -> None:
    search = Search()
    key = search.plant_bytes("key", secrets.token_bytes(32))

    for written in (key, key.hex().encode(), base64.b64encode(key), base64.urlsafe_b64encode(key)):
        assert search.find(b"before " + written + b" behind"), written


def test_what_chance_could_write_is_no_secret_to_look_for() -> None:
    with pytest.raises(ValueError, match="6 characters"):
        Search().plant("one-time code", "123456")


def test_nothing_is_found_in_nothing() -> None:
    search = Search()
    search.plant("password", SECRET)

    assert search.find(b"") == search.find(b"short") == []
    assert Search().find(around(SECRET).encode()) == []
