"""One analysis, from a decoded picture to everything that is stored of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.analysis import quality
from imaging.analysis.decoding import Picture
from imaging.analysis.figures import Scale, measure
from imaging.analysis.parameters import Parameters
from imaging.analysis.segmentation import segment
from imaging.analysis.team import Team, team_of


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The result of one analysis.

    ``negative_space_data``, ``quality_metrics`` and ``anomalies`` hold JSON-safe values;
    ``confidence_score`` is the expected overlap with the true figure, 0..1. ``mask`` is (h, w)
    uint8 at the working scale, 1 = figure; ``width`` and ``height`` are source pixels.
    """

    negative_space_data: dict[str, Any]
    quality_metrics: dict[str, Any]
    anomalies: list[dict[str, Any]]
    confidence_score: float
    mask: NDArray[np.uint8]
    factor: int
    width: int
    height: int


def analyse(picture: Picture, parameters: Parameters, *, threads: int = 2) -> Analysis:
    """Analyse a picture; the same picture and parameters give the same result every time.

    ``threads`` is how many parts may run at once; it never changes the result. Raises
    `ImageRefused` (``no_alpha``) when the parameters ask for an alpha that the picture lacks.
    """
    with team_of(threads) as team:
        return analyse_with(picture, parameters, team)


def analyse_with(picture: Picture, parameters: Parameters, team: Team) -> Analysis:
    """`analyse` on threads that the caller provides."""
    seen = team.submit(quality.exposure, picture)
    found = segment(picture, parameters, team)
    scale = Scale(found.mask, picture.width, picture.height, picture.factor)
    data = measure(found.mask, scale, parameters, team)
    judged = quality.metrics(found, seen.result(), picture, parameters)
    return Analysis(
        negative_space_data=data,
        quality_metrics=judged,
        anomalies=quality.anomalies(data, judged, parameters),
        confidence_score=quality.confidence(judged),
        mask=found.mask,
        factor=picture.factor,
        width=picture.width,
        height=picture.height,
    )
