"""The figures of a result in words and units, whatever of them is there.

Results come from our analysis or from plain SQL, so nothing here takes a key for granted: what is
missing shows as a dash, what is of the wrong kind is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from config.admin.formats import NOTHING, State, number, percent
from imaging.models import AnalysisResult

# Below this the outline deserves a look before anybody relies on the figures.
DEPENDABLE: Final = 0.8
DOUBTFUL: Final = 0.5

# No length, area or share is larger; plain SQL can store numbers that no float holds.
LARGEST: Final = 10**15

_SIDES: Final = ("top", "right", "bottom", "left")


@dataclass(frozen=True, slots=True)
class Tile:
    """A decisive figure: its value with the unit, a bar from 0 to 100, and how to read it."""

    label: str
    value: str
    note: str
    bar: str = ""
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of the table: in pixels or as it is, as a share, and what it says."""

    name: str
    value: str
    relative: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that are read together."""

    title: str
    note: str
    rows: list[Row]


def at(data: Any, *path: str) -> Any:
    """The value at a path of keys, or None."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def figure(data: Any, *path: str) -> float | None:
    """The number at a path of keys, or None."""
    return amount(at(data, *path))


def amount(value: Any) -> float | None:
    """The value if it is a number that can be drawn and written, at most ``LARGEST`` either way."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -LARGEST <= value <= LARGEST else None


def bar(share: float | None) -> str:
    """A share from 0 to 1 as the width of a bar of 100, or nothing."""
    return "" if share is None else f"{min(1.0, max(0.0, share)) * 100:.1f}"


def pixels(value: float | None, *, digits: int = 0) -> str:
    """A length in pixels of the original."""
    return number(value, "px", digits=digits)


def confidence_state(score: float | None) -> State:
    """How far a confidence carries."""
    if score is None:
        return "neutral"
    if score >= DEPENDABLE:
        return "good"
    return "warning" if score >= DOUBTFUL else "bad"


def tiles(result: AnalysisResult) -> list[Tile]:
    """What decides: ground, figures, holes, largest empty circle, confidence."""
    data = result.negative_space_data
    void, enclosed = figure(data, "void_ratio"), figure(data, "enclosed_ratio")
    score = None if result.confidence_score is None else float(result.confidence_score)
    radius = figure(data, "largest_empty_circle", "r")
    relative = figure(data, "largest_empty_circle", "r_relative")
    pieces = at(data, "figures")
    largest = figure(pieces[0], "area_ratio") if isinstance(pieces, list) and pieces else None
    return [
        Tile(
            "Negative space",
            percent(void),
            f"{percent(enclosed)} of the picture is enclosed by figures",
            bar(void),
        ),
        Tile(
            "Confidence",
            percent(score, digits=0),
            _confidence_note(score),
            bar(score),
            confidence_state(score),
        ),
        Tile(
            "Figures",
            number(figure(data, "figure_count")),
            f"the largest covers {percent(largest)}" if largest is not None else "separate shapes",
        ),
        Tile(
            "Holes",
            number(figure(data, "hole_count")),
            "pieces of ground inside figures",
        ),
        Tile(
            "Largest empty circle",
            f"Ø\u00a0{pixels(None if radius is None else 2 * radius)}",
            f"{percent(None if relative is None else 2 * relative, digits=0)} of the short side",
            bar(None if relative is None else 2 * relative),
        ),
    ]


def _confidence_note(score: float | None) -> str:
    if score is None:
        return "none was stored"
    if score >= DEPENDABLE:
        return "dependable from 80 % on"
    if score >= DOUBTFUL:
        return "look at the outline; 80 % is dependable"
    return "do not rely on it; 80 % is dependable"


def groups(data: Any) -> list[Group]:
    """Every figure of ``negative_space_data`` that is a single number, grouped."""
    return [
        Group("Areas", "", _areas(data)),
        Group("Margins", "from the frame to the nearest figure", _margins(data)),
        Group("Shapes", "", _shapes(data)),
        Group("Clearance", "distance of ground to the nearest figure or frame", _clearance(data)),
        Group("Composition", "", _composition(data)),
        Group("Texture of the gaps", "", _texture(data)),
    ]


def _areas(data: Any) -> list[Row]:
    width, height = figure(data, "size", "width"), figure(data, "size", "height")
    whole = width * height if width and height else None

    def row(name: str, key: str, meaning: str) -> Row:
        share = figure(data, key)
        area = None if share is None or whole is None else share * whole
        return Row(name, number(area, "px²"), percent(share, digits=2), meaning)

    return [
        row("Ground", "void_ratio", "everything that is not figure"),
        row("Figure", "figure_ratio", "the shapes themselves"),
        row("Open ground", "open_ratio", "ground that touches the frame"),
        row("Enclosed ground", "enclosed_ratio", "ground that figures surround"),
    ]


def _margins(data: Any) -> list[Row]:
    sides = [
        Row(
            side.capitalize(),
            pixels(figure(data, "margins", side)),
            percent(figure(data, "margins", "relative", side)),
            "",
        )
        for side in _SIDES
    ]
    whole = Row(
        "Box of all figures", boxed(at(data, "figure_box")), "", "width \u00d7 height, at x, y"
    )
    return [*sides, whole]


def _shapes(data: Any) -> list[Row]:
    circle, box = at(data, "largest_empty_circle"), at(data, "largest_empty_rect")
    relative = figure(circle, "r_relative")
    return [
        Row("Figures", number(figure(data, "figure_count")), "", "separate shapes"),
        Row("Holes", number(figure(data, "hole_count")), "", "ground inside figures"),
        Row("Grounds", number(figure(data, "ground_count")), "", "separate pieces of ground"),
        Row("Euler number", number(figure(data, "euler")), "", "figures minus holes"),
        Row(
            "Largest empty circle, radius",
            pixels(figure(circle, "r"), digits=1),
            percent(relative),
            "share of the short side",
        ),
        Row(
            "Largest empty circle, centre",
            point(figure(circle, "cx"), figure(circle, "cy")),
            "",
            "x, y from the top left",
        ),
        Row(
            "Largest empty rectangle",
            boxed(box),
            percent(figure(box, "area_ratio")),
            "share of the picture",
        ),
    ]


def _clearance(data: Any) -> list[Row]:
    names = {
        "mean": "Mean",
        "p50": "Median",
        "p90": "90th percentile",
        "p99": "99th percentile",
        "max": "Largest",
    }
    return [
        Row(
            name,
            pixels(figure(data, "clearance", key), digits=1),
            percent(figure(data, "clearance", "relative", key)),
            "",
        )
        for key, name in names.items()
    ]


def _composition(data: Any) -> list[Row]:
    crossing = at(data, "thirds", "power_point")
    across, down = figure(data, "balance", "x"), figure(data, "balance", "y")
    return [
        Row("Balance across", _signed(across), "", _lean(across, "left", "right")),
        Row("Balance down", _signed(down), "", _lean(down, "up", "down")),
        Row(
            "Nearest power point",
            _relative_point(figure(crossing, "x"), figure(crossing, "y")),
            percent(figure(crossing, "distance")),
            "crossing of the lines of thirds; its distance as a share of the diagonal",
        ),
        Row(
            "Symmetry left to right",
            "",
            percent(figure(data, "symmetry_lr")),
            "share of pixels equal to their mirror image",
        ),
    ]


def _texture(data: Any) -> list[Row]:
    return [
        Row(
            "Lacunarity slope",
            number(figure(data, "log_slope"), digits=3),
            "",
            "log L over log r; steeper means that the gaps even out sooner",
        ),
        Row(
            "Box dimension of the outline",
            number(figure(data, "box_dimension"), digits=3),
            "",
            "1 is a smooth line, 2 fills the plane",
        ),
    ]


def boxed(box: Any) -> str:
    """A box as width by height and its place."""
    width, height = figure(box, "w"), figure(box, "h")
    if width is None or height is None:
        return NOTHING
    corner = point(figure(box, "x"), figure(box, "y"))
    return f"{number(width)} \u00d7 {pixels(height)}, at {corner}"


def point(x: float | None, y: float | None) -> str:
    """A place in pixels from the top left."""
    return NOTHING if x is None or y is None else f"{number(x)}, {number(y)}"


def _relative_point(x: float | None, y: float | None) -> str:
    if x is None or y is None:
        return NOTHING
    return f"{'left' if x < 0.5 else 'right'} {'top' if y < 0.5 else 'bottom'}"


def _signed(value: float | None) -> str:
    return NOTHING if value is None else f"{value:+.2f}"


def _lean(value: float | None, low: str, high: str) -> str:
    if value is None:
        return ""
    if abs(value) < 0.05:
        return "the figures' centre lies in the middle"
    return f"the figures lean {low if value < 0 else high}; 0 is the middle, 1 the edge"
