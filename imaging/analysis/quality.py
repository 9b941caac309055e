"""How far a result can be trusted: quality metrics, confidence, anomalies."""

import math
from dataclasses import dataclass
from typing import Any

import cv2

from imaging.analysis.calibration import KNOTS, calibrated
from imaging.analysis.decoding import Picture
from imaging.analysis.figures import Json, rounded
from imaging.analysis.parameters import Parameters
from imaging.analysis.segmentation import Segmentation


@dataclass(frozen=True, slots=True)
class Exposure:
    """Facts of the grey picture: Laplacian variance, and share of pixels at black or white."""

    sharpness: float
    clipped: float


def exposure(picture: Picture) -> Exposure:
    """Sharpness and clipping of the luma at the working scale; transparent pixels do not count.

    Sharpness is the variance of the Laplacian (J. Pech-Pacheco et al., ICPR 2000); clipped are
    levels 0, 1, 254 and 255.
    """
    grey = cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY)
    laplacian = cv2.Laplacian(grey, cv2.CV_16S)
    _, deviation = cv2.meanStdDev(laplacian)
    counts = cv2.calcHist([grey], [0], picture.alpha, [256], [0, 256]).ravel()
    seen = float(counts.sum())
    clipped = float(counts[:2].sum() + counts[254:].sum()) / seen if seen else 0.0
    return Exposure(float(deviation[0, 0]) ** 2, clipped)


def raw_score(separability: float, stability: float, border_figure: float) -> float:
    """sqrt(eta S) (1 - b), 0..1: separable, stable under a moved threshold, clear of the frame."""
    return math.sqrt(max(0.0, separability) * stability) * (1 - border_figure)


def metrics(found: Segmentation, seen: Exposure, picture: Picture, parameters: Parameters) -> Json:
    """quality_metrics as JSON-safe values."""
    threshold = found.threshold
    return {
        "method": parameters.method,
        "threshold": threshold.level,
        "separability": rounded(threshold.separability),
        "contrast": rounded(threshold.contrast),
        "stability": rounded(threshold.stability),
        "border_figure": rounded(found.border_figure),
        "raw_score": rounded(
            raw_score(threshold.separability, threshold.stability, found.border_figure)
        ),
        "sharpness": rounded(seen.sharpness),
        "clipped": rounded(seen.clipped),
        "working_scale": rounded(1 / picture.factor),
    }


def confidence(quality: Json) -> float:
    """Expected IoU of the mask with the true figure, 0..1, four decimals.

    With the method ``alpha`` the mask is given, not guessed: only how crisp the alpha is counts.
    """
    method = quality["method"]
    if method == "alpha":
        return round(float(quality["stability"]), 4)
    value = calibrated(float(quality["raw_score"]), KNOTS[method])
    return round(min(1.0, max(0.0, value)), 4)


def anomalies(data: Json, quality: Json, parameters: Parameters) -> list[dict[str, Any]]:
    """What a reviewer should know: code, severity, value and the limit that it passed.

    ``no_figure``, ``no_ground``: one side is missing. ``low_contrast``: figure and ground hardly
    differ (mean difference in Lab or grey levels). ``unstable_threshold``: the mask changes when
    the threshold moves. ``figure_on_border``: much of the frame looks like figure. ``clipped``:
    black or white pixels. ``blurred``: Laplacian variance. ``extreme_aspect``: long side / short.
    """
    found: list[dict[str, Any]] = []

    def note(code: str, severity: str, value: float, limit: float) -> None:
        found.append({"code": code, "severity": severity, "value": value, "limit": limit})

    size = data["size"]
    aspect = max(size["width"], size["height"]) / min(size["width"], size["height"])
    if data["figure_count"] == 0:
        note("no_figure", "critical", data["figure_ratio"], 0.0)
    if data["ground_count"] == 0:
        note("no_ground", "critical", data["void_ratio"], 0.0)
    if parameters.method != "alpha" and quality["contrast"] < parameters.min_contrast:
        note("low_contrast", "warning", quality["contrast"], parameters.min_contrast)
    if quality["stability"] < parameters.min_stability:
        note("unstable_threshold", "warning", quality["stability"], parameters.min_stability)
    if quality["border_figure"] > parameters.max_border_figure:
        note("figure_on_border", "warning", quality["border_figure"], parameters.max_border_figure)
    if quality["clipped"] > parameters.max_clipped:
        note("clipped", "info", quality["clipped"], parameters.max_clipped)
    if quality["sharpness"] < parameters.min_sharpness:
        note("blurred", "info", quality["sharpness"], parameters.min_sharpness)
    if aspect > parameters.max_aspect:
        note("extreme_aspect", "info", rounded(aspect), parameters.max_aspect)
    return found
