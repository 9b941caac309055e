"""What each anomaly means for the person's work, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.utils.safestring import SafeString

from config.admin.formats import number
from imaging.admin.findings import amount
from imaging.admin.states import severity_badge

# Code: title, what it means, what to do, and the unit of its value ("%" for a share).
_KNOWN: Final[dict[str, tuple[str, str, str, str]]] = {
    "no_figure": (
        "No figure was found",
        "The whole picture counts as ground, so margins, holes and balance have no meaning.",
        "Look whether the picture shows a subject at all; if it does, try another method.",
        "%",
    ),
    "no_ground": (
        "No ground was found",
        "The whole picture counts as figure, so there is no negative space to measure.",
        "If the file carries transparency, run the analysis with the method “alpha”.",
        "%",
    ),
    "low_contrast": (
        "Figure and ground hardly differ",
        "The border between them is a guess in places; areas near it may be on the wrong side.",
        "Compare the outline with the picture. Light the subject apart from its ground next time.",
        "levels",
    ),
    "unstable_threshold": (
        "The border moves with small changes",
        "A slightly different threshold would give clearly different figures.",
        "Treat the ratios as approximate; look at the outline before you rely on them.",
        "%",
    ),
    "figure_on_border": (
        "The figure runs out of the frame",
        "Much of the frame looks like figure: the subject is cropped, or the ground was taken"
        " for it.",
        "Check with the ground layer which side was taken; the method “luma” decides otherwise.",
        "%",
    ),
    "clipped": (
        "Parts are pure black or white",
        "No detail is left there; a border that runs through such a part cannot be seen.",
        "Nothing, if only highlights are affected. Otherwise expose differently.",
        "%",
    ),
    "blurred": (
        "The picture is soft",
        "Edges are wide, so the border may lie a few pixels off. Smooth subjects also read as"
        " soft.",
        "Hand in a sharper picture if the exact border matters.",
        "",
    ),
    "extreme_aspect": (
        "The picture is very long",
        "Box-based figures see few boxes across the short side and are less certain.",
        "Crop the picture to the part that matters, or read lacunarity with care.",
        "to 1",
    ),
}
_ORDER: Final = {"critical": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One thing a reviewer should know about a result, in words."""

    badge: SafeString
    severity: str
    title: str
    meaning: str
    advice: str
    measured: str


def described(anomalies: Any) -> list[Anomaly]:
    """The anomalies of a result in words, the gravest first; one we do not know keeps its code."""
    found = (
        [item for item in anomalies if isinstance(item, dict)]
        if isinstance(anomalies, list)
        else []
    )
    found.sort(key=lambda item: _ORDER.get(str(item.get("severity")), 3))
    return [_described(item) for item in found]


def _described(item: dict[str, Any]) -> Anomaly:
    code, severity = str(item.get("code", "unnamed")), str(item.get("severity", "info"))
    title, meaning, advice, unit = _KNOWN.get(
        code, (code.replace("_", " ").capitalize(), "", "", "")
    )
    value, limit = _amount(item.get("value"), unit), _amount(item.get("limit"), unit)
    return Anomaly(
        badge=severity_badge(severity),
        severity=severity,
        title=title,
        meaning=meaning,
        advice=advice,
        measured=f"Measured {value}; the limit is {limit}." if value and limit else "",
    )


def _amount(value: Any, unit: str) -> str:
    known = amount(value)
    if known is None:
        return ""
    if unit == "%":
        return number(known * 100, "%", digits=1)
    return number(known, unit, digits=0 if float(known).is_integer() else 1)
