"""One JSON document, read in pieces: its members and their items, never all of it."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any, Final, NoReturn

from annotations.exchange.errors import ExchangeRefused
from annotations.exchange.lines import not_utf8

_CHUNK: Final = 1 << 16
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_STRUCTURE: Final = re.compile(r'["\[\]{}]')
_IN_STRING: Final = re.compile(r'["\\]')
_NUMBER_TAIL: Final = re.compile(r"[0-9eE.+\-]")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


class JsonStream:
    """A document that is one object; holds a chunk and one item (``longest`` characters).

    ExchangeRefused, with the line, wherever it is no JSON, or no UTF-8.
    """

    def __init__(self, stream: IO[bytes], name: str, *, longest: int) -> None:
        self.name = name
        self.line = 1
        self._stream = stream
        self._longest = longest
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("strict").decode
        self._json = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number)
        self._text = ""
        self._at = 0
        self._ended = False

    @property
    def where(self) -> str:
        """The place that is being read."""
        return f"{self.name}, line {self.line}"

    def members(self) -> Iterator[str]:
        """The keys of the document; before the next one the caller reads or skips the value."""
        if self._peek() != "{":
            self._broken("the document is no JSON object")
        self._take(1)
        if self._peek() == "}":
            self._take(1)
        else:
            while True:
                key = self.value()
                if not isinstance(key, str):
                    self._broken("a key is no text")
                self._expect(":")
                yield key
                if self._peek() == "}":
                    self._take(1)
                    break
                self._expect(",")
        self._pass_space()
        if self._at < len(self._text):
            self._broken("something follows the end of the document")

    def items(self) -> Iterator[tuple[int, Any]]:
        """The items of the list that comes next, each with its line."""
        if self._peek() != "[":
            self._broken("a list was expected here")
        self._take(1)
        if self._peek() == "]":
            self._take(1)
            return
        while True:
            self._pass_space()
            line = self.line
            yield line, self.value()
            if self._peek() == "]":
                self._take(1)
                return
            self._expect(",")

    def value(self) -> Any:
        """What comes next, whole."""
        self._peek()
        while True:
            try:
                found, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > self._longest or not self._more():
                    self._broken(error.msg)
                continue
            except RecursionError:
                self._broken("it is nested too deeply")
            except ValueError as error:  # a number that is none, or of thousands of digits
                self._broken(str(error))
            # A number at the end of what was read may go on.
            if end == len(self._text) and _NUMBER_TAIL.match(self._text, end - 1) and self._more():
                continue
            if end - self._at > self._longest:
                self._broken(f"a value is longer than {self._longest} characters")
            self._take(end - self._at)
            return found

    def skip(self) -> None:
        """Pass over what comes next, however long it is."""
        if self._peek() not in "[{":
            self.value()
            return
        depth = 0
        while True:
            found = self._find(_STRUCTURE)
            if found == '"':
                self._skip_string()
                continue
            depth += 1 if found in "[{" else -1
            if depth == 0:
                return

    def _skip_string(self) -> None:
        while self._find(_IN_STRING) == "\\":
            if self._at >= len(self._text) and not self._more():
                self._broken("the file ends within a text")
            self._take(1)

    def _find(self, wanted: re.Pattern[str]) -> str:
        """The next character of these, taken."""
        while not (found := wanted.search(self._text, self._at)):
            self._take(len(self._text) - self._at)
            if not self._more():
                self._broken("the file ends too early")
        self._take(found.end() - self._at)
        return found.group()

    def _peek(self) -> str:
        self._pass_space()
        if self._at >= len(self._text):
            self._broken("the file ends too early")
        return self._text[self._at]

    def _pass_space(self) -> None:
        while True:
            found = _SPACE.match(self._text, self._at)
            assert found
            self._take(found.end() - self._at)
            if self._at < len(self._text) or not self._more():
                return

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            self._broken(f"{sign!r} was expected here")
        self._take(1)

    def _take(self, length: int) -> None:
        end = self._at + length
        self.line += self._text.count("\n", self._at, end)
        self._at = end

    def _more(self) -> bool:
        """Read on; whether there was more."""
        if self._ended:
            return False
        data = self._stream.read(_CHUNK)
        self._ended = not data
        try:
            text = self._decode(data, self._ended)
        except UnicodeDecodeError:
            raise not_utf8(self.where, data) from None
        self._text = self._text[self._at :] + text
        self._at = 0
        return not self._ended

    def _broken(self, reason: str) -> NoReturn:
        raise ExchangeRefused.because(self.where, f"it cannot be read as JSON: {reason}.")
