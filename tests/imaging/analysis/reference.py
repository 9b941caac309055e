"""negative_space_data written with scikit-image and scipy: slow, plain, and the judge of ours.

Same names and units as `imaging.analysis.figures`; nothing is shared with it.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

SIZES = (2, 4, 8, 16, 32, 64, 128, 256)

# scikit-image carries no types.
# mypy: disallow-untyped-calls=False

Flags = NDArray[np.bool_]


def figures_of(mask: NDArray[np.uint8], *, bins: int = 16) -> dict[str, Any]:
    """Every figure of an (h, w) mask, 1 = figure, at factor 1."""
    figure = mask.astype(bool)
    return {
        **_areas(figure),
        **_composition(figure),
        **_clearance(figure, bins),
        "largest_empty_rect_area": _largest_rectangle(figure),
        "lacunarity": _lacunarity(figure),
        "box_dimension": _box_dimension(figure),
    }


def _areas(figure: Flags) -> dict[str, Any]:
    labels, figures = measure.label(figure, connectivity=2, return_num=True)
    ground, grounds = measure.label(~figure, connectivity=1, return_num=True)
    frame = np.concatenate([ground[0], ground[-1], ground[:, 0], ground[:, -1]])
    open_labels = np.setdiff1d(np.unique(frame), [0])
    opened = np.isin(ground, open_labels)
    holes = measure.label(~figure & ~opened, connectivity=1)
    return {
        "void_ratio": float((~figure).mean()),
        "figure_ratio": float(figure.mean()),
        "open_ratio": float(opened.mean()),
        "enclosed_ratio": float((holes > 0).mean()),
        "figure_count": figures,
        "hole_count": int(holes.max()),
        "ground_count": grounds,
        "euler": int(measure.euler_number(figure, connectivity=2)),
        "margins": _margins(figure),
        "figures": _table(labels),
        "holes": _table(holes),
    }


def _table(labels: NDArray[np.int64]) -> list[tuple[float, ...]]:
    """(area, x, y, w, h, centroid x, centroid y), largest first, then topmost, then leftmost."""
    table = measure.regionprops_table(labels, properties=("area", "bbox", "centroid"))
    rows = zip(*(table[name] for name in sorted(table)), strict=True)
    found: list[tuple[float, ...]] = [
        (float(area), float(x0), float(y0), float(x1 - x0), float(y1 - y0), cx + 0.5, cy + 0.5)
        for area, y0, x0, y1, x1, cy, cx in rows
    ]
    return sorted(found, key=lambda row: (-row[0], row[2], row[1]))[:100]


def _margins(figure: Flags) -> tuple[int, int, int, int] | None:
    ys, xs = np.nonzero(figure)
    if not len(ys):
        return None
    rows, columns = figure.shape
    return int(ys.min()), columns - 1 - int(xs.max()), rows - 1 - int(ys.max()), int(xs.min())


def _composition(figure: Flags) -> dict[str, Any]:
    rows, columns = figure.shape
    data: dict[str, Any] = {
        "symmetry_lr": 1 - float(np.logical_xor(figure, figure[:, ::-1]).mean()),
        "thirds": [
            [
                None if field.size == 0 else float((~field).mean())
                for i in range(3)
                for field in [
                    figure[
                        rows * j // 3 : rows * (j + 1) // 3,
                        columns * i // 3 : columns * (i + 1) // 3,
                    ]
                ]
            ]
            for j in range(3)
        ],
        "balance": None,
    }
    if figure.any():
        y, x = ndimage.center_of_mass(figure)
        data["balance"] = 2 * (x + 0.5) / columns - 1, 2 * (y + 0.5) / rows - 1
    return data


def _clearance(figure: Flags, bins: int) -> dict[str, Any]:
    distance = ndimage.distance_transform_edt(np.pad(~figure, 1))[1:-1, 1:-1]
    values = np.sort(distance[~figure])
    if not len(values):
        return {"clearance": None, "circle": None}
    y, x = np.unravel_index(np.argmax(distance), distance.shape)
    radius = float(values[-1])
    nearest = {f"p{p}": values[-(-len(values) * p // 100) - 1] for p in (50, 90, 99)}
    counts, _ = np.histogram(values, bins=bins, range=(0, radius))
    return {
        "circle": (float(x) + 0.5, float(y) + 0.5, radius),
        "clearance": {"mean": float(values.mean()), "max": radius, **nearest},
        "shares": counts / len(values),
    }


def _largest_rectangle(figure: Flags) -> int:
    height = np.zeros(figure.shape[1], np.int64)
    best = 0
    for row in figure:
        height = np.where(row, 0, height + 1)
        stack: list[tuple[int, int]] = []
        for x, current in enumerate([*height.tolist(), 0]):
            start = x
            while stack and stack[-1][1] > current:
                start, tall = stack.pop()
                best = max(best, tall * (x - start))
            if not stack or stack[-1][1] < current:
                stack.append((start, current))
    return best


def _lacunarity(figure: Flags) -> list[tuple[int, float]]:
    summed = np.cumsum(np.cumsum(~figure, 0, dtype=np.int64), 1)
    table = np.pad(summed, ((1, 0), (1, 0)))
    found = []
    for r in SIZES:
        if r > min(figure.shape) or not summed[-1, -1]:
            continue
        mass = (table[r:, r:] - table[:-r, r:] - table[r:, :-r] + table[:-r, :-r]).astype(float)
        found.append((r, float((mass**2).mean() / mass.mean() ** 2)))
    return found


def _box_dimension(figure: Flags) -> float | None:
    cross = ndimage.generate_binary_structure(2, 1)
    outline = figure & ~ndimage.binary_erosion(figure, cross, border_value=1)
    sides, counts = [], []
    side = 1
    while side == 1 or side * 4 <= min(figure.shape):
        rows, columns = (-(-n // side) for n in figure.shape)
        padded = np.zeros((rows * side, columns * side), bool)
        padded[: figure.shape[0], : figure.shape[1]] = outline
        boxes = padded.reshape(rows, side, columns, side).any(axis=(1, 3))
        sides.append(side)
        counts.append(int(boxes.sum()))
        side *= 2
    if len(sides) < 3 or not counts[0]:
        return None
    return -float(np.polyfit([math.log(s) for s in sides], [math.log(c) for c in counts], 1)[0])
