"""The decisive figures of a page, side by side (``lacuna/tiles.html``)."""

from __future__ import annotations

from dataclasses import dataclass

from config.admin.formats import State


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure, how to read it, and the list it leads to."""

    label: str
    value: str
    note: str = ""
    state: State | None = None
    url: str = ""
