"""Who the people in the log are; the packages that know them lie above, and register here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Directory:
    """Where people are looked up.

    ``names``  what the people with these ids are called, in one query; unknown ids are left out
    ``find``   the ids of those whom a typed text means, a few at most
    """

    names: Callable[[Collection[UUID]], Mapping[UUID, str]]
    find: Callable[[str], Iterable[UUID]]


DIRECTORIES: Final[list[Directory]] = []


def register(directory: Directory) -> None:
    """Ask this directory too; the first that knows somebody is believed."""
    if directory not in DIRECTORIES:
        DIRECTORIES.append(directory)


def names(ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """What these people are called; who is in no directory is left out."""
    wanted = {one for one in ids if one is not None}
    found: dict[UUID, str] = {}
    for directory in DIRECTORIES:
        if wanted:
            found.update(directory.names(wanted))
            wanted -= found.keys()
    return found


def find(text: str) -> list[UUID]:
    """Whom the text means: by name or address, as each directory understands it."""
    return [one for directory in DIRECTORIES for one in directory.find(text)]
