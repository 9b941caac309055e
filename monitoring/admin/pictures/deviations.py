"""The features in which a sample differs most from the healthy rows nearest to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monitoring.admin.pictures.sheet import BLUE, VERMILION, SvgSheet

_ROW, _TOP = 24, 40


@dataclass(frozen=True, slots=True)
class _Room:
    """Where the parts of a bar lie across, in pixels; ``longest``: letters of a name."""

    width: int
    middle: int
    reach: int
    longest: int
    axis: str


_WIDE: Final = _Room(560, 330, 150, 22, "healthy standard deviations from the nearest healthy rows")
_NARROW: Final = _Room(300, 176, 64, 13, "healthy standard deviations")


def deviation_bars(features: Sequence[Mapping[str, Any]], *, narrow: bool = False) -> str:
    """SVG of ``[{"name", "value", "deviation"}, …]``: to the right what is too large.

    ``narrow``: for a column of 300 pixels.
    """
    room = _NARROW if narrow else _WIDE
    told = [one for one in features if isinstance(one.get("deviation"), (int, float))]
    height = _TOP + _ROW * len(told) + 28
    title = _title(told, room)
    sheet = SvgSheet(room.width, height, title=title, name="deviations", inline=True)
    most = max((abs(float(one["deviation"])) for one in told), default=1.0) or 1.0
    for place, one in enumerate(told):
        y, size = _TOP + place * _ROW, float(one["deviation"])
        name = str(one.get("name", ""))
        long = abs(size) / most * room.reach
        at = (room.middle - room.reach - 8, y + 14)
        sheet.words(at, _short(name, room.longest), anchor="end")
        sheet.rectangle(
            (room.middle if size >= 0 else room.middle - long, y + 3),
            (long, _ROW - 8),
            colour=VERMILION if size >= 0 else BLUE,
            title=f"{name}: {one.get('value')}, {size:+.3g} standard deviations",
        )
        sheet.words((room.width, y + 14), f"{size:+.3g}", anchor="end")
    bottom = _TOP + _ROW * len(told)
    sheet.line([(room.middle, _TOP - 4), (room.middle, bottom)], opacity=0.6)
    sheet.words((room.middle, bottom + 18), room.axis, anchor="middle", faint=True)
    return str(sheet)


def _title(told: Sequence[Mapping[str, Any]], room: _Room) -> str:
    if not told:
        return "No feature is known to deviate"
    name, size = str(told[0].get("name", "")), float(told[0]["deviation"])
    return f"{_short(name, room.longest)} deviates most, by {size:+.3g}"


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
