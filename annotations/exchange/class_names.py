"""The names of YOLO's classes: classes.txt, obj.names, or ``names`` in data.yaml.

Of YAML only the three ways are read in which ``names`` is written: a list on one line, a list of
dashes, numbers with colons. Nothing that refers, merges or builds objects is understood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from annotations.exchange import lines, zips
from annotations.exchange.errors import ExchangeRefused, RowRefused
from annotations.exchange.records import Reading, text_of

_LONGEST: Final = 1 << 20
_NAMES: Final = re.compile(r"names\s*:\s*(.*)")
_NUMBERED: Final = re.compile(r"\s+(\d{1,6})\s*:\s*(.*)")
_DASHED: Final = re.compile(r"\s*-\s+(.*)")
_ITEM: Final = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,'"\[\]{}]+?)\s*(?:,|\Z)""")
_COMMENT: Final = re.compile(r"\s+#.*\Z")


def class_names(archive: zips.ZipReader, reading: Reading) -> list[str]:
    """The names in the order of their numbers; ExchangeRefused where there are none."""
    by_name = {PurePosixPath(entry).name.lower(): entry for entry in reversed(archive.entries)}
    for name in ("classes.txt", "obj.names", "data.yaml", "data.yml", "dataset.yaml"):
        entry = by_name.get(name)
        if entry is None:
            continue
        where = archive.where(entry)
        with archive.open(entry, most=_LONGEST) as text:
            found = [line.rstrip("\r\n") for _, line in lines.lines(text, where, longest=_LONGEST)]
        names = _of_yaml(found, where) if name.endswith(("yaml", "yml")) else _of_text(found)
        if len(names) > reading.limits.labels:
            raise ExchangeRefused.because(
                where, f"it names more than {reading.limits.labels} classes."
            )
        return _checked(names, where)
    raise ExchangeRefused.because(
        reading.name, "it names no classes: add classes.txt, one name in each line."
    )


def _of_text(found: list[str]) -> list[str]:
    while found and not found[-1].strip():
        found.pop()
    return found


def _of_yaml(found: list[str], where: str) -> list[str]:
    for number, line in enumerate(found):
        if begun := _NAMES.match(line):
            value = _COMMENT.sub("", begun.group(1)).strip()
            if value == "{}":
                return []
            if value:
                return _on_one_line(value, where)
            return _below(found[number + 1 :], where)
    raise ExchangeRefused.because(where, "it has no names.")


def _on_one_line(value: str, where: str) -> list[str]:
    if not (value.startswith("[") and value.endswith("]")):
        raise _unread(where)
    names, at, inner = [], 0, value[1:-1].rstrip()
    while at < len(inner):
        found = _ITEM.match(inner, at)
        if not found:
            raise _unread(where)
        names.append(_plain(found.group(1), where))
        at = found.end()
    return names


def _below(rest: list[str], where: str) -> list[str]:
    names: list[str] = []
    for line in _indented(rest):
        if dashed := _DASHED.match(line):
            names.append(_plain(dashed.group(1), where))
        elif numbered := _NUMBERED.match(line):
            if int(numbered.group(1)) != len(names):
                raise ExchangeRefused.because(where, "its names are not numbered from 0 on.")
            names.append(_plain(numbered.group(2), where))
        else:
            raise _unread(where)
    return names


def _indented(rest: list[str]) -> Iterator[str]:
    for line in rest:
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if not line[0].isspace() and not bare.startswith("-"):
            return
        yield line


def _plain(text: str, where: str) -> str:
    """One name without its quotes."""
    bare = text.strip()
    if bare.startswith('"'):
        try:
            found = json.loads(bare)
        except ValueError:
            raise _unread(where) from None
        if isinstance(found, str):
            return found
    if bare.startswith("'") and bare.endswith("'") and len(bare) > 1:
        return bare[1:-1].replace("''", "'")
    bare = _COMMENT.sub("", bare)
    if not bare or bare[0] in "&*!|>%@`{[\"'":
        raise _unread(where)
    return bare


def _unread(where: str) -> ExchangeRefused:
    return ExchangeRefused.because(
        where, "its names cannot be read. Add classes.txt, one name in each line."
    )


def _checked(names: list[str], where: str) -> list[str]:
    for number, name in enumerate(names):
        try:
            text_of(name, f"the name of class {number}", longest=1000)
        except RowRefused as error:
            raise ExchangeRefused.because(where, str(error)) from None
    return names
