"""The whole way of one file: bytes to analysis, hash and every rendered picture.

The parts overlap on a few threads: the preview is encoded while the picture is still being
analysed. The results are those of calling each function on its own.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imaging.analysis import drawing, rendering
from imaging.analysis.analysing import Analysis, analyse, analyse_with
from imaging.analysis.decoding import Picture, decode
from imaging.analysis.facts import ImageFacts, Limits
from imaging.analysis.hashing import perceptual_hash
from imaging.analysis.parameters import METHODS, Parameters
from imaging.analysis.team import Team, team_of


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """Everything that is stored of one file. Pictures are WebP bytes."""

    facts: ImageFacts
    factor: int
    analysis: Analysis
    perceptual_hash: int | None
    preview: bytes
    thumbnail: bytes
    visualization: bytes
    layer_ground: bytes
    layer_outline: bytes


def examine(
    data: bytes | Path,
    parameters: Parameters,
    *,
    limits: Limits,
    threads: int = 2,
    edge: int = rendering.PREVIEW_EDGE,
) -> Examination:
    """Decode, analyse, hash and render one file; raises `ImageRefused`."""
    picture = decode(data, limits=limits, working_edge=parameters.working_edge)
    with team_of(threads) as team:
        preview = team.submit(rendering.render_preview, picture, edge=edge)
        analysis = analyse_with(picture, parameters, team)
        thumbnail = team.submit(rendering.render_thumbnail, picture)
        drawings = _draw_with(picture, analysis, edge, team)
        return Examination(
            facts=picture.facts,
            factor=picture.factor,
            analysis=analysis,
            perceptual_hash=perceptual_hash(picture),
            preview=preview.result(),
            thumbnail=thumbnail.result(),
            visualization=drawings.visualization,
            layer_ground=drawings.layer_ground,
            layer_outline=drawings.layer_outline,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Drawings:
    """What an analysis is shown by, WebP bytes of one shape."""

    visualization: bytes
    layer_ground: bytes
    layer_outline: bytes


def render_drawings(
    picture: Picture, analysis: Analysis, *, edge: int = rendering.PREVIEW_EDGE, threads: int = 2
) -> Drawings:
    """`render_visualization` and both layers, sharing what they have in common."""
    with team_of(threads) as team:
        return _draw_with(picture, analysis, edge, team)


def _draw_with(picture: Picture, analysis: Analysis, edge: int, team: Team) -> Drawings:
    covers = rendering.covers_of(analysis, edge)
    ground = team.submit(rendering.layer_ground, covers)
    outline = team.submit(rendering.layer_outline, covers)
    base = rendering.for_drawing(picture.rgb, edge)
    seen = rendering.lossy(rendering.drawn(base, covers, analysis), quality=75)
    return Drawings(seen, ground.result(), outline.result())


def warm_up() -> None:
    """Run every kernel once on a tiny picture, so that a worker's start pays for compilation."""
    rows, columns = np.mgrid[:70, :150]
    disc = ((rows - 30) ** 2 + (columns - 60) ** 2 < 300).astype(np.uint8)
    rgb = np.ascontiguousarray(np.repeat((200 - 150 * disc)[..., None], 3, axis=2).astype(np.uint8))
    facts = ImageFacts(150, 70, "PNG", "image/png", "RGBA", 8, 1, True, 1)
    picture = Picture(rgb, disc * np.uint8(255), 150, 70, 1, facts)
    for method in METHODS:
        analysis = analyse(picture, Parameters(method=method), threads=1)
    rendering.render_visualization(picture, analysis)
    rendering.render_layer_ground(analysis)
    rendering.render_layer_outline(analysis)
    perceptual_hash(picture)
    drawing.label_cover("0", 12)
