"""A small XML document as a tree with line numbers, from somebody who may mean harm.

Document types are refused, and with them every entity that a document could declare: those that
multiply, and those that fetch files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from annotations.exchange.errors import ExchangeRefused

_DEEPEST: Final = 16
_MOST: Final = 500_000  # elements
# What no XML 1.0 document may hold, not even as a number.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(slots=True)
class Tree:
    """A document, and the line on which each ``object`` begins."""

    root: Element
    lines: dict[int, int] = field(default_factory=dict)

    def line_of(self, element: Element) -> int:
        """Where an ``object`` begins; 0 for anything else."""
        return self.lines.get(id(element), 0)


def without_forbidden(text: str) -> str:
    """The text with U+FFFD for what XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)


def parsed(data: bytes, where: str) -> Tree:
    """The document; ExchangeRefused."""
    return _Parsing(where).run(data)


class _Parsing:
    def __init__(self, where: str) -> None:
        self._where = where
        self._builder = TreeBuilder()
        self._lines: dict[int, int] = {}
        self._depth = self._count = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._builder.data
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.EntityDeclHandler = self._refuse_doctype

    def run(self, data: bytes) -> Tree:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise ExchangeRefused.because(
                f"{self._where}, line {error.lineno}",
                f"it is no XML ({expat.ErrorString(error.code)}).",
            ) from None
        except (LookupError, ValueError) as error:  # an encoding that there is not
            raise ExchangeRefused.because(self._where, f"it is no XML ({error}).") from None
        return Tree(self._builder.close(), self._lines)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > _DEEPEST:
            self._refuse(f"its elements lie more than {_DEEPEST} deep.")
        if self._count > _MOST:
            self._refuse(f"it has more than {_MOST} elements.")
        element = self._builder.start(tag, attributes)
        if tag == "object":
            self._lines[id(element)] = self._parser.CurrentLineNumber

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self._builder.end(tag)

    def _refuse_doctype(self, *_: object) -> None:
        self._refuse("it declares a document type. Remove the line with <!DOCTYPE.")

    def _refuse(self, sentence: str) -> NoReturn:
        raise ExchangeRefused.because(
            f"{self._where}, line {self._parser.CurrentLineNumber}", sentence
        )
