"""Pictures of a picture: preview, thumbnail, visualization, and transparent layers (WebP).

The ground carries a translucent teal tint with fine hatching, a light and a dark line side by side
so that it reads on any photograph. The figure's outline is a light line with a dark halo. The
largest empty circle is solid, the largest empty rectangle dashed, both labelled with their size in
source pixels.
"""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from imaging.analysis import drawing
from imaging.analysis.analysing import Analysis
from imaging.analysis.decoding import Picture
from imaging.analysis.diagrams import DIAMETER, TIMES
from imaging.analysis.drawing import Box, Bytes, Colour

PREVIEW_EDGE = 1600
THUMBNAIL_EDGE = 256

TINT: Colour = (13, 124, 116)
HATCH_LIGHT: Colour = (190, 246, 236)
HATCH_DARK: Colour = (4, 52, 50)
LINE: Colour = (255, 255, 255)
DARK: Colour = (10, 18, 20)
CIRCLE: Colour = (255, 220, 110)
RECTANGLE: Colour = (255, 164, 96)

_TINT_OPACITY = 0.42
_LIGHT_OPACITY = 0.36
_DARK_OPACITY = 0.28
_HALO_OPACITY = 0.6
_LARGE = 1000
_LARGEST_FACTOR = 8


def render_preview(picture: Picture, *, edge: int = PREVIEW_EDGE) -> bytes:
    """The picture as WebP, long edge at most ``edge``, never enlarged."""
    return lossy(resized(picture.rgb, edge))


def render_thumbnail(picture: Picture, *, edge: int = THUMBNAIL_EDGE) -> bytes:
    """A small WebP for lists and grids, long edge at most ``edge``."""
    return lossy(resized(picture.rgb, edge))


def render_visualization(
    picture: Picture, analysis: Analysis, *, edge: int = PREVIEW_EDGE
) -> bytes:
    """The photograph with ground, outline, circle and rectangle drawn over it, as WebP."""
    covers = covers_of(analysis, edge)
    return lossy(drawn(for_drawing(picture.rgb, edge), covers, analysis), quality=75)


def render_layer_ground(analysis: Analysis, *, edge: int = PREVIEW_EDGE) -> bytes:
    """Tint and hatching alone, transparent elsewhere; the shape of `render_preview`."""
    return layer_ground(covers_of(analysis, edge))


def render_layer_outline(analysis: Analysis, *, edge: int = PREVIEW_EDGE) -> bytes:
    """The figure's outline alone, transparent elsewhere; the shape of `render_preview`."""
    return layer_outline(covers_of(analysis, edge))


@dataclass(frozen=True, slots=True, eq=False)
class Covers:
    """How much of each pixel is ground, outline, halo of the outline: (h, w) uint8."""

    ground: Bytes
    line: Bytes
    halo: Bytes


def covers_of(analysis: Analysis, edge: int) -> Covers:
    """The covers of an analysis at the size of the visualization."""
    ground = for_drawing((1 - analysis.mask) * np.uint8(255), edge)
    figure = np.less(ground, 128).view(np.uint8) * np.uint8(255)
    unit = max(1, round(max(ground.shape) / PREVIEW_EDGE))
    halo = cv2.blur(_band(figure, 6 * unit + 1), (3, 3))
    line = _band(figure, 2 * unit + 1)
    return Covers(ground, line, np.asarray(halo, np.uint8))


def layer_ground(covers: Covers) -> bytes:
    """`render_layer_ground` from covers."""
    measures = _hatch_measures(covers.ground)
    return lossless(drawing.hatched_layer(_stepped(covers.ground), hatch_palette(), *measures))


def layer_outline(covers: Covers) -> bytes:
    """`render_layer_outline` from covers."""
    light, dark = np.array(LINE, np.uint8), np.array(DARK, np.uint8)
    opacity = round(_HALO_OPACITY * 256)
    line, halo = _stepped(covers.line), _stepped(covers.halo)
    return lossless(drawing.line_layer(line, halo, light, dark, opacity))


def _stepped(cover: Bytes) -> Bytes:
    """Few levels make few colours, which encode fast: large layers with sixteen twice as fast.

    They are shown reduced, which smooths the edge again; small ones keep eight levels.
    """
    last = 7 if max(cover.shape) < _LARGE else 3
    levels = np.rint(np.rint(np.arange(256) * last / 255) * 255 / last).astype(np.uint8)
    return np.asarray(cv2.LUT(cover, levels), np.uint8)


def drawn(base: Bytes, covers: Covers, analysis: Analysis) -> Bytes:
    """Draw an analysis over a copy of ``base`` (h, w, 3), the picture at the covers' size."""
    rgb = np.array(base)
    drawing.hatch(rgb, covers.ground, hatch_palette(), *_hatch_measures(covers.ground))
    drawing.blend_colour(rgb, covers.halo, DARK, _HALO_OPACITY)
    drawing.blend_colour(rgb, covers.line, LINE, 0.95)
    _draw_shapes(rgb, analysis)
    return rgb


def for_drawing(array: Bytes, edge: int) -> Bytes:
    """As `resized`, but a small (h, w, ...) array is enlarged by a whole factor of at most 8.

    So that lines stay fine: drawn at the size of a small picture, they would be enlarged with it.
    """
    factor = min(_LARGEST_FACTOR, edge // max(array.shape[:2]))
    if factor < 2:
        return resized(array, edge)
    size = array.shape[1] * factor, array.shape[0] * factor
    return np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def resized(array: Bytes, edge: int) -> Bytes:
    """An (h, w, ...) array reduced to a long edge of at most ``edge``; means over areas.

    Halved as long as that is possible, which is many times as fast (an odd last row or column falls
    away), then brought to size.
    """
    longest = max(array.shape[:2])
    if longest <= edge:
        return array
    rows, columns = array.shape[:2]
    while max(rows, columns) >= 2 * edge and min(rows, columns) >= 2:
        rows, columns = rows // 2, columns // 2
        array = np.ascontiguousarray(array[: rows * 2, : columns * 2])
        array = np.asarray(cv2.resize(array, (columns, rows), interpolation=cv2.INTER_AREA))
    longest = max(rows, columns)
    size = max(1, round(columns * edge / longest)), max(1, round(rows * edge / longest))
    return np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_AREA), np.uint8)


def lossy(rgb: Bytes, *, quality: int = 80) -> bytes:
    """WebP at the encoder's fastest method: one per cent larger than the next, half the time."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "WEBP", quality=quality, method=0)
    return file.getvalue()


def lossless(rgba: Bytes) -> bytes:
    """Lossless WebP with alpha, at the encoder's fastest setting."""
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "WEBP", lossless=True, quality=0, method=0)
    return file.getvalue()


def _hatch_measures(ground: Bytes) -> tuple[int, int]:
    """Period and width of the hatching: fine at full size, still seen when shown at a third."""
    unit = max(ground.shape) / PREVIEW_EDGE
    return max(8, round(14 * unit)), max(1, round(1.8 * unit))


def hatch_palette() -> Bytes:
    """RGBA of plain tint, light line over tint, dark line over tint: (3, 4) uint8."""
    return np.array(
        [
            (*TINT, round(255 * _TINT_OPACITY)),
            _laid_over(HATCH_LIGHT, _LIGHT_OPACITY),
            _laid_over(HATCH_DARK, _DARK_OPACITY),
        ],
        np.uint8,
    )


def _laid_over(colour: Colour, opacity: float) -> tuple[int, ...]:
    total = opacity + _TINT_OPACITY * (1 - opacity)
    mixed = (
        round((c * opacity + t * _TINT_OPACITY * (1 - opacity)) / total)
        for c, t in zip(colour, TINT, strict=True)
    )
    return (*mixed, round(255 * total))


def _band(figure: Bytes, side: int) -> Bytes:
    """The pixels within side // 2 of the figure's edge, softened by one pixel."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    edge = cv2.morphologyEx(figure, cv2.MORPH_GRADIENT, disc)
    return np.asarray(cv2.GaussianBlur(edge, (3, 3), 0), np.uint8)


def _draw_shapes(rgb: Bytes, analysis: Analysis) -> None:
    rows, columns = rgb.shape[:2]
    data = analysis.negative_space_data
    scale = columns / analysis.width, rows / analysis.height
    unit = max(rows, columns) / PREVIEW_EDGE
    width = max(1, round(2.4 * unit))
    size = max(11, round(21 * unit))
    taken: list[Box] = []
    rectangle, circle = data["largest_empty_rect"], data["largest_empty_circle"]
    if rectangle is not None:
        box = Box(
            round(rectangle["x"] * scale[0]),
            round(rectangle["y"] * scale[1]),
            round((rectangle["x"] + rectangle["w"]) * scale[0]),
            round((rectangle["y"] + rectangle["h"]) * scale[1]),
        )
        _stroke(
            rgb,
            RECTANGLE,
            width,
            lambda cover, thick: drawing.dashed_rectangle(
                cover, box, width=thick, dash=max(4, round(15 * unit))
            ),
        )
    if circle is not None:
        x, y = circle["cx"] * scale[0], circle["cy"] * scale[1]
        radius = circle["r"] * scale[0]
        _stroke(
            rgb,
            CIRCLE,
            width,
            lambda cover, thick: drawing.circle(cover, x, y, radius, width=thick),
        )
        text = f"{DIAMETER} {2 * circle['r']:.0f} px"
        _label(rgb, text, [(x, y, 0.5, 0.5)], size=size, ink=CIRCLE, taken=taken)
    if rectangle is not None:
        text = f"{rectangle['w']} {TIMES} {rectangle['h']} px"
        gap = 10 * unit
        places = [
            (box.left + gap, box.top + gap, 0.0, 0.0),
            (box.right - gap, box.bottom - gap, 1.0, 1.0),
            (box.right - gap, box.top + gap, 1.0, 0.0),
            (box.left + gap, box.bottom - gap, 0.0, 1.0),
        ]
        _label(rgb, text, places, size=size, ink=RECTANGLE, taken=taken)


def _stroke(rgb: Bytes, colour: Colour, width: int, draw: drawing.Stroke) -> None:
    for thick, ink, opacity in ((width + 3, DARK, 0.5), (width, colour, 1.0)):
        cover = np.zeros(rgb.shape[:2], np.uint8)
        draw(cover, thick)
        drawing.blend_colour(rgb, cover, ink, opacity)


def _label(
    rgb: Bytes,
    text: str,
    places: list[tuple[float, float, float, float]],
    *,
    size: int,
    ink: Colour,
    taken: list[Box],
) -> None:
    """Write a label at the first place that is free; not at all where it would fill the picture."""
    boxes = [
        drawing.label_box(text, size=size, x=x, y=y, anchor=(ax, ay), shape=rgb.shape[:2])
        for x, y, ax, ay in places
    ]
    if boxes[0].right - boxes[0].left > rgb.shape[1] * 0.6 or size * 3 > rgb.shape[0]:
        return
    free = [box for box in boxes if not any(box.meets(other) for other in taken)]
    at = (free or boxes)[0]
    taken.append(at)
    drawing.paste_label(rgb, text, at=at, size=size, ink=ink, plate=DARK)
