"""negative_space_data: the figures of a mask, exact given the mask.

Ground is every pixel that is not figure. Figures are 8-connected, ground is 4-connected. Lengths
are in source pixels (working pixels times ``factor``); positions are continuous, so the first
pixel's centre lies at half a working pixel. Numbers carry seven significant digits.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.analysis import components as runs
from imaging.analysis import distance, lacunarity
from imaging.analysis.parameters import Parameters
from imaging.analysis.rectangle import largest_rectangle
from imaging.analysis.team import Team

Bytes = NDArray[np.uint8]
Json = dict[str, Any]

_BANDS = 4
_MAX_TABLE = 2_000_000


def rounded(value: float) -> float:
    """A plain float with seven significant digits."""
    return float(f"{value:.7g}")


class Scale:
    """From working pixels of an (h, w) mask to source pixels."""

    def __init__(self, mask: Bytes, width: int, height: int, factor: int) -> None:
        self.rows, self.columns = mask.shape
        self.width, self.height, self.factor = width, height, factor

    def x(self, working: float) -> float:
        """Horizontal position in source pixels, inside the picture."""
        return rounded(min(working * self.factor, self.width))

    def y(self, working: float) -> float:
        """Vertical position in source pixels, inside the picture."""
        return rounded(min(working * self.factor, self.height))

    def area(self, working: int) -> int:
        """Area in source pixels."""
        return min(working * self.factor**2, self.width * self.height)

    def share(self, working: int) -> float:
        """Share of the picture, 0..1."""
        return rounded(working / (self.rows * self.columns))

    def box(self, left: int, top: int, right: int, bottom: int) -> Json:
        """A half-open box as x, y, w, h in source pixels."""
        x, y = left * self.factor, top * self.factor
        return {
            "x": x,
            "y": y,
            "w": min(right * self.factor, self.width) - x,
            "h": min(bottom * self.factor, self.height) - y,
        }


def measure(mask: Bytes, scale: Scale, parameters: Parameters, team: Team) -> Json:
    """All figures of a mask as JSON-safe values; see the functions below for each."""
    distances = _start_distances(mask, team)
    rectangle = team.submit(largest_rectangle, mask)
    boxes = _start_boxes(mask, parameters.lacunarity_sizes, team)
    outline = team.submit(lacunarity.outline_box_counts, mask)
    pieces = team.submit(runs.components, mask)
    symmetry = team.submit(_symmetry, mask)
    found = pieces.result()
    return {
        **_extent(mask, scale),
        **_areas(found, scale),
        **_pieces(found, scale, parameters.listed),
        **_composition(mask, found, scale),
        "symmetry_lr": symmetry.result(),
        "largest_empty_rect": _rectangle(rectangle.result(), scale),
        **_texture(boxes(), parameters.lacunarity_sizes, mask, scale),
        "box_dimension": _box_dimension(outline.result()),
        **_clearance(distances(), scale, parameters.histogram_bins),
    }


def _extent(mask: Bytes, scale: Scale) -> Json:
    return {
        "size": {
            "width": scale.width,
            "height": scale.height,
            "factor": scale.factor,
            "working_width": mask.shape[1],
            "working_height": mask.shape[0],
        }
    }


def _areas(found: runs.Components, scale: Scale) -> Json:
    """Ground as shares of the picture: all, what touches the frame, what does not; and margins.

    Margins are the distances of the figures' common box from the frame; None without a figure.
    """
    figures = found.figures
    void = int(found.grounds[:, runs.AREA].sum())
    enclosed = int(found.holes[:, runs.AREA].sum())
    data: Json = {
        "void_ratio": scale.share(void),
        "figure_ratio": scale.share(scale.rows * scale.columns - void),
        "open_ratio": scale.share(void - enclosed),
        "enclosed_ratio": scale.share(enclosed),
        "margins": None,
        "figure_box": None,
    }
    if len(figures):
        left, top = int(figures[:, runs.LEFT].min()), int(figures[:, runs.TOP].min())
        right, bottom = int(figures[:, runs.RIGHT].max()), int(figures[:, runs.BOTTOM].max())
        box = scale.box(left, top, right, bottom)
        ends = scale.width - box["x"] - box["w"], scale.height - box["y"] - box["h"]
        data["figure_box"] = box
        data["margins"] = {
            "top": box["y"],
            "right": ends[0],
            "bottom": ends[1],
            "left": box["x"],
            "relative": {
                "top": rounded(box["y"] / scale.height),
                "right": rounded(ends[0] / scale.width),
                "bottom": rounded(ends[1] / scale.height),
                "left": rounded(box["x"] / scale.width),
            },
        }
    return data


def _pieces(found: runs.Components, scale: Scale, listed: int) -> Json:
    """Figures and holes, largest first, and their counts; Euler number = figures - holes."""
    holes = found.holes
    return {
        "figure_count": len(found.figures),
        "hole_count": len(holes),
        "ground_count": len(found.grounds),
        "euler": len(found.figures) - len(holes),
        "figures": [_piece(row, scale) for row in runs.largest(found.figures, listed)],
        "holes": [_piece(row, scale) for row in runs.largest(holes, listed)],
    }


def _piece(row: NDArray[np.int64], scale: Scale) -> Json:
    area = int(row[runs.AREA])
    return {
        "area": scale.area(area),
        "area_ratio": scale.share(area),
        "bbox": scale.box(*(int(row[i]) for i in (runs.LEFT, runs.TOP, runs.RIGHT, runs.BOTTOM))),
        "centroid": {
            "x": scale.x(int(row[runs.SUM_2X]) / (2 * area) + 0.5),
            "y": scale.y(int(row[runs.SUM_Y]) / area + 0.5),
        },
    }


def _composition(mask: Bytes, found: runs.Components, scale: Scale) -> Json:
    """Balance, thirds and power points.

    ``balance``: the figure's centroid from the centre in half sizes, -1..1, right and down
    positive. ``thirds.void``: void ratio of nine fields, None where a field has no pixel.
    ``thirds.power_point``: the crossing of the lines of thirds nearest to the centroid, and its
    distance as a share of the diagonal. None without a figure.
    """
    rows, columns = mask.shape
    ys = [rows * i // 3 for i in range(4)]
    xs = [columns * i // 3 for i in range(4)]
    void = [
        [_void_of(mask[ys[j] : ys[j + 1], xs[i] : xs[i + 1]]) for i in range(3)] for j in range(3)
    ]
    area = int(found.figures[:, runs.AREA].sum())
    if not area:
        return {"balance": None, "thirds": {"void": void, "power_point": None}}
    x = (int(found.figures[:, runs.SUM_2X].sum()) / (2 * area) + 0.5) / columns
    y = (int(found.figures[:, runs.SUM_Y].sum()) / area + 0.5) / rows
    away, power_x, power_y = min(
        (math.hypot((x - i / 3) * scale.width, (y - j / 3) * scale.height), i, j)
        for j in (1, 2)
        for i in (1, 2)
    )
    return {
        "balance": {"x": rounded(2 * x - 1), "y": rounded(2 * y - 1)},
        "thirds": {
            "void": void,
            "power_point": {
                "x": rounded(power_x / 3),
                "y": rounded(power_y / 3),
                "distance": rounded(away / math.hypot(scale.width, scale.height)),
            },
        },
    }


def _void_of(field: Bytes) -> float | None:
    if field.size == 0:
        return None
    return rounded(1 - cv2.countNonZero(np.ascontiguousarray(field)) / field.size)


def _symmetry(mask: Bytes) -> float:
    """1 - share of pixels that differ from their mirror image, left to right."""
    return rounded(1 - cv2.norm(mask, cv2.flip(mask, 1), cv2.NORM_L1) / mask.size)


def _rectangle(found: tuple[int, int, int, int], scale: Scale) -> Json | None:
    x, y, width, height = (int(value) for value in found)
    if width == 0:
        return None
    return {
        **scale.box(x, y, x + width, y + height),
        "area_ratio": scale.share(width * height),
    }


def _start_boxes(
    mask: Bytes, sizes: tuple[int, ...], team: Team
) -> Callable[[], NDArray[np.int64]]:
    """Start the box moments in bands of rows; calling the result sums them, one row per size."""
    rows, columns = mask.shape
    fitting = np.array([r for r in sizes if r <= min(rows, columns)], np.int64)
    if not len(fitting):
        return lambda: np.zeros((0, 2), np.int64)
    # A band reads max(size) rows beyond its own, so more bands would repeat more work.
    edges = [0, rows // 2, rows] if rows >= 4 * int(fitting[-1]) else [0, rows]
    parts = [
        team.submit(lacunarity.box_moments, mask, fitting, first, last)
        for first, last in pairwise(edges)
    ]
    return lambda: np.sum([part.result() for part in parts], axis=0)


def _texture(sums: NDArray[np.int64], sizes: tuple[int, ...], mask: Bytes, scale: Scale) -> Json:
    """Lacunarity per box side, and the slope of log L over log r (least squares)."""
    entries = []
    for size, moments in zip(sizes, sums, strict=False):
        value = lacunarity.lacunarity(moments, size, *mask.shape)
        if value is not None:
            entries.append((size, value))
    return {
        "lacunarity": [
            {"r": size * scale.factor, "r_working": size, "value": rounded(value)}
            for size, value in entries
        ],
        "log_slope": _log_slope(entries),
    }


def _box_dimension(counts: list[tuple[int, int]]) -> float | None:
    """Box-counting dimension of the outline: 1 smooth, towards 2 space-filling.

    None with fewer than three scales, or without an outline.
    """
    if len(counts) < 3:
        return None
    slope = _log_slope([(side, float(count)) for side, count in counts])
    return None if slope is None else -slope


def _log_slope(points: list[tuple[int, float]]) -> float | None:
    if len(points) < 2:
        return None
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    # Adding 0.0 turns a slope of -0.0 into 0.0.
    together = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return rounded(together / spread) + 0.0


def _start_distances(mask: Bytes, team: Team) -> Callable[[], distance.Distances]:
    """Start the distance transform; calling the result finishes it."""
    rows, columns = mask.shape
    gaps = np.empty(mask.shape, np.uint16)
    half = columns // 2
    edges = [0, half, columns] if half >= 64 else [0, columns]
    columns_done = [
        team.submit(distance.fill_columns, mask, gaps, left, right)
        for left, right in pairwise(edges)
    ]
    top = min(max(part.result() for part in columns_done), (min(rows, columns) + 1) // 2)
    table = int(top) ** 2 + 1
    bands = min(rows, _BANDS if table <= _MAX_TABLE else 2)
    counts = [np.zeros(table, np.int32) for _ in range(bands)]
    scans = [
        team.submit(distance.scan_rows, gaps, rows * i // bands, rows * (i + 1) // bands, counts[i])
        for i in range(bands)
    ]
    return lambda: distance.gathered([scan.result() for scan in scans], counts)


def _clearance(found: distance.Distances, scale: Scale, bins: int) -> Json:
    """Distance of ground to the nearest figure or frame: circle, percentiles, histogram.

    ``largest_empty_circle``: centre and radius of the farthest ground pixel. Percentiles are the
    smallest distance that at least that share of the ground does not exceed. ``relative`` values
    are shares of the short side.
    """
    if found.x < 0:
        return {"largest_empty_circle": None, "clearance": None}
    lengths = np.sqrt(found.squared.astype(np.float64)) * scale.factor
    total = int(found.counts.sum())
    reached = np.cumsum(found.counts)
    short = min(scale.width, scale.height)
    radius = float(lengths[-1])
    values = {
        "mean": float((lengths * found.counts).sum()) / total,
        **{
            f"p{p}": float(lengths[np.searchsorted(reached, -(-total * p // 100))])
            for p in (50, 90, 99)
        },
        "max": radius,
    }
    bin_of = np.minimum((lengths / radius * bins).astype(np.int64), bins - 1)
    shares = np.bincount(bin_of, weights=found.counts, minlength=bins) / total
    return {
        "largest_empty_circle": {
            "cx": scale.x(found.x + 0.5),
            "cy": scale.y(found.y + 0.5),
            "r": rounded(radius),
            "r_relative": rounded(radius / short),
        },
        "clearance": {
            **{name: rounded(value) for name, value in values.items()},
            "relative": {name: rounded(value / short) for name, value in values.items()},
            "histogram": {
                "edges": [rounded(radius * i / bins) for i in range(bins + 1)],
                "shares": [rounded(share) for share in shares.tolist()],
            },
        },
    }
