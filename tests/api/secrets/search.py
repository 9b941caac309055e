"""Looks for thousands of secrets in all that a site has written down, in every usual encoding.

Of each secret the beginning, the middle and the end are looked for, so that one that was cut off
is found, too; as they are, escaped as JSON, HTML or for an address, in hexadecimal, in base64 at
each of its three alignments, and in UTF-16.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections import Counter
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus

import numpy as np

SHORTEST: Final = 12  # characters of a secret that can be told from chance
_PIECE: Final = 16
_KEY: Final = 8  # bytes by which candidates are found


class Found:
    """Where a secret stood: its kind, the form, and the bytes around."""

    def __init__(self, kind: str, form: bytes, around: bytes) -> None:
        self.kind, self.form, self.around = kind, form, around

    def __repr__(self) -> str:
        return f"{self.kind}: {self.form!r} in {self.around!r}"


class Search:
    """The secrets to be looked for, by their kind."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self._seen: set[str | bytes] = set()
        self._forms: dict[int, list[tuple[bytes, str]]] = {}

    def plant(self, kind: str, secret: str) -> str:
        """Look for this text, too; the text."""
        if len(secret) < SHORTEST:
            raise ValueError(
                f"{kind}: a text of {len(secret)} characters may stand there by chance."
            )
        if self._is_new(kind, secret):
            for piece in _pieces(secret):
                self._keep(kind, set(_forms_of_text(piece)))
        return secret

    def plant_bytes(self, kind: str, secret: bytes) -> bytes:
        """Look for these bytes, too; the bytes."""
        if len(secret) < SHORTEST:
            raise ValueError(f"{kind}: {len(secret)} bytes may stand there by chance.")
        if self._is_new(kind, secret):
            for start in {0, len(secret) - _PIECE}:
                self._keep(kind, set(_forms_of_bytes(secret[max(0, start) :][:_PIECE])))
        return secret

    def digests(self) -> Search:
        """The fast hashes of all of these, of which a log must know nothing either."""
        made = Search()
        for secret in self._seen:
            raw = secret if isinstance(secret, bytes) else secret.encode()
            made.plant_bytes("SHA-256", hashlib.sha256(raw).digest())
        return made

    def find(self, written: bytes, *, most: int = 20) -> list[Found]:
        """What of it stands in these bytes; one of each kind and form, at most so many."""
        keys = np.fromiter(self._forms, dtype=np.uint64, count=len(self._forms))
        found: dict[tuple[str, bytes], Found] = {}
        for place in sorted(_places(written, keys)):
            key = int.from_bytes(written[place : place + _KEY], "little")
            for form, kind in self._forms[key]:
                if written.startswith(form, place):
                    around = written[max(0, place - 80) : place + 100]
                    found.setdefault((kind, form), Found(kind, form, around))
            if len(found) >= most:
                break
        return list(found.values())

    def _is_new(self, kind: str, secret: str | bytes) -> bool:
        if secret in self._seen:
            return False
        self._seen.add(secret)
        self.count[kind] += 1
        return True

    def _keep(self, kind: str, forms: set[bytes]) -> None:
        for form in forms:
            key = int.from_bytes(form[:_KEY], "little")
            self._forms.setdefault(key, []).append((form, kind))


def _places(written: bytes, keys: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> Iterator[int]:
    for offset in range(_KEY):
        words = (len(written) - offset) // _KEY
        if words > 0 and len(keys):
            read = np.frombuffer(written, dtype="<u8", count=words, offset=offset)
            yield from (int(at) * _KEY + offset for at in np.flatnonzero(np.isin(read, keys)))


def _pieces(text: str) -> set[str]:
    """Beginning, middle and end; of a short text, the whole."""
    middle = max(0, len(text) // 2 - _PIECE // 2)
    starts = {0, middle, max(0, len(text) - _PIECE)}
    return {text[start : start + _PIECE] for start in starts}


def _forms_of_text(text: str) -> Iterator[bytes]:
    escaped = {
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(text))[3:-3],
        repr(text)[1:-1],
        html.escape(text),
        quote(text, safe=""),
        quote_plus(text),
        quote(quote(text, safe=""), safe=""),
        text.replace("'", "''"),
        text.replace("\\", "\\\\"),
    }
    yield from (form.encode() for form in escaped)
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield from _forms_of_bytes(text.encode())


def _forms_of_bytes(raw: bytes) -> Iterator[bytes]:
    yield raw
    yield repr(raw)[2:-1].encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield "".join(f"%{byte:02x}" for byte in raw).encode()
    yield "".join(f"%{byte:02X}" for byte in raw).encode()
    yield "".join(f"\\x{byte:02x}" for byte in raw).encode()
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            whole = encode(bytes(before) + raw)
            # Only the letters that depend on nothing but these bytes.
            first = -(-before * 8 // 6)
            yield whole[first : (before + len(raw)) * 8 // 6]
