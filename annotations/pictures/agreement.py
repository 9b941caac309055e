"""Agreement matrix: the kappa of every two reviewers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from annotations.knowledge.agreement import Agreement
from annotations.pictures.frame import (
    BLUE,
    GREY,
    VERMILION,
    message,
    rectangle,
    sheet,
    short,
    words,
)

_CELL, _LEFT, _TOP = 54, 150, 44
_NAME: Final = "agreement"
# More people than this make no readable picture; the busiest are drawn.
MOST: Final = 20


def agreement_matrix(
    names: Mapping[UUID, str], pairs: Mapping[tuple[UUID, UUID], Agreement]
) -> str:
    """A cell for every two of the first twenty ``names``: darker is more agreement.

    Below chance is red, not defined grey; where two saw nothing in common the cell is empty.
    """
    people = [one for one in names if any(one in pair for pair in pairs)][:MOST]
    if len(people) < 2:
        return message(_NAME, "Nothing seen by two reviewers yet", "Spot checks make such pairs.")
    parts = []
    for row, one in enumerate(people):
        y = _TOP + row * _CELL
        parts.append(words(_LEFT - 10, y + _CELL / 2 + 4, short(names[one]), anchor="end"))
        number = str(row + 1)
        parts.append(words(_LEFT - 138, y + _CELL / 2 + 4, number, faint=True))
        top = _TOP + len(people) * _CELL + 16
        parts.append(words(_LEFT + (row + 0.5) * _CELL, top, number, anchor="middle", faint=True))
        for column, other in enumerate(people[:row]):
            found = pairs.get((one, other)) or pairs.get((other, one))
            if found:
                title = f"{names[one]} and {names[other]}"
                parts.append(_cell(_LEFT + column * _CELL, y, title, found))
    side = len(people) * _CELL
    return sheet(_NAME, _said(names, pairs), _LEFT + side + 20, _TOP + side + 30, *parts)


def _cell(x: float, y: float, title: str, found: Agreement) -> str:
    if found.value is None:
        colour, opacity, text = GREY, 0.35, "-"
        title = f"{title}: not defined, both said one thing only ({found.items} in common)"
    else:
        colour = BLUE if found.value >= 0 else VERMILION
        opacity, text = 0.12 + 0.55 * min(1.0, abs(found.value)), f"{found.value:.2f}"
        title = f"{title}: kappa {found.value:.3f} over {found.items} in common"
    box = rectangle(x + 1, y + 1, _CELL - 2, _CELL - 2, colour=colour, opacity=opacity, title=title)
    middle = x + _CELL / 2
    count = words(middle, y + _CELL / 2 + 18, f"n {found.items}", anchor="middle", size=10)
    return box + words(middle, y + _CELL / 2 + 3, text, anchor="middle", size=13) + count


def _said(names: Mapping[UUID, str], pairs: Mapping[tuple[UUID, UUID], Agreement]) -> str:
    known = {pair: found.value for pair, found in pairs.items() if found.value is not None}
    if not known:
        return "Agreement cannot be told: everybody said one thing only"
    lowest = min(known, key=lambda pair: known[pair])
    one, other = (short(names.get(person, "somebody")) for person in lowest)
    return f"{one} and {other} agree least: kappa {known[lowest]:.2f}"
