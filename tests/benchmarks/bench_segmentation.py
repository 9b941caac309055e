"""How well figure and ground are told apart where the truth is known, and what confidence means.

Fits the knots of `imaging.analysis.calibration` on one set of scenes, prints them beside what is
published, and reports everything else on scenes that the fit has not seen.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.analysis import ImageFacts, Parameters, Picture, warm_up
from imaging.analysis.calibration import KNOTS, Knots
from imaging.analysis.quality import confidence, metrics
from imaging.analysis.quality import exposure as exposure_of
from imaging.analysis.segmentation import segment
from imaging.analysis.team import team_of
from tests.benchmarks.harness import interleaved, publish, table
from tests.benchmarks.scenes import GROUNDS, Scene, scene

Numbers = NDArray[np.float64]

FITTED = range(1800)
HELD_OUT = range(10_000, 10_600)

VARIANTS = {
    "ns-1": Parameters(),
    "ns-1, holes stay closed": Parameters(hole_tolerance=0.0),
    "ns-1, whole frame is ground": Parameters(max_frame_figure=0.0),
    "barrier distance alone": Parameters(max_frame_figure=0.0, hole_tolerance=0.0),
    "luma": Parameters(method="luma"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scene analysed: overlap with the truth, raw score, calibrated confidence."""

    scene: Scene
    overlap: float
    raw: float
    confidence: float


def main() -> None:
    """Fit, judge on held-out scenes, publish."""
    warm_up()
    fitted = [scene(seed) for seed in FITTED]
    held_out = [scene(seed) for seed in HELD_OUT]
    parameters = {"mbd": Parameters(), "luma": Parameters(method="luma")}
    knots = {name: fit(outcomes(fitted, chosen)) for name, chosen in parameters.items()}
    for name, points in knots.items():
        stands = "as published" if points == KNOTS[name] else "DIFFERS from calibration.py"
        print(f"{name}: {points}  {stands}")
    judged = {name: outcomes(held_out, chosen) for name, chosen in VARIANTS.items()}
    publish(
        "segmentation",
        f"Segmentation: mean overlap {mean_overlap(judged['ns-1']):.2f}, "
        f"confidence off by {expected_error(judged['ns-1']):.3f}",
        "Scenes of 480 x 360 pixels with a known figure: shapes and silhouettes with photographic "
        "texture on three kinds of ground, contrast from hardly visible to strong, noise, a "
        "quarter of them free to leave the frame. "
        f"Knots fitted on {len(fitted)} scenes, everything below on "
        f"{len(held_out)} others. Overlap is intersection over union of the figure.",
        _overlaps(judged),
        "## What confidence means",
        "Expected calibration error over 15 bins of equal size, and Brier-like mean squared error "
        "against the overlap; raw is sqrt(eta S) (1 - b), calibrated is what is stored.",
        _calibration(judged),
        _diagram(judged["ns-1"]),
        "## Speed",
        _speed(held_out[0]),
        "The scenes are drawn, not photographed: they calibrate the order and the scale of "
        "confidence, and photographs with busy frames remain harder than any of them.",
        packages=("numpy", "numba", "opencv-python-headless", "scikit-image"),
    )


def picture_of(rgb: NDArray[np.uint8]) -> Picture:
    """A decoded picture around an array."""
    rows, columns = rgb.shape[:2]
    facts = ImageFacts(columns, rows, "PNG", "image/png", "RGB", 8, 1, False, 1)
    return Picture(rgb, None, columns, rows, 1, facts)


def outcomes(scenes: list[Scene], parameters: Parameters) -> list[Outcome]:
    """Segment every scene and compare with the truth."""
    found = []
    with team_of(2) as team:
        for one in scenes:
            picture = picture_of(one.rgb)
            result = segment(picture, parameters, team)
            quality = metrics(result, exposure_of(picture), picture, parameters)
            union = int((result.mask | one.figure).sum())
            overlap = int((result.mask & one.figure).sum()) / union if union else 1.0
            found.append(Outcome(one, overlap, quality["raw_score"], confidence(quality)))
    return found


def fit(found: list[Outcome], *, least: int = 30) -> Knots:
    """Isotonic regression by pooling adjacent violators, in blocks of at least ``least`` scenes."""
    order = np.argsort([one.raw for one in found], kind="stable")
    raw = np.array([one.raw for one in found])[order]
    overlap = np.array([one.overlap for one in found])[order]
    blocks: list[tuple[float, float, int]] = []
    for start in range(0, len(raw) - len(raw) % least, least):
        end = start + least if start + 2 * least <= len(raw) else len(raw)
        blocks.append((float(raw[start:end].mean()), float(overlap[start:end].mean()), end - start))
        while len(blocks) > 1 and blocks[-2][1] >= blocks[-1][1]:
            (x0, y0, n0), (x1, y1, n1) = blocks[-2:]
            total = n0 + n1
            blocks[-2:] = [((x0 * n0 + x1 * n1) / total, (y0 * n0 + y1 * n1) / total, total)]
    inner = tuple((round(x, 4), round(y, 4)) for x, y, _ in blocks)
    return ((0.0, 0.0), *inner)


def mean_overlap(found: list[Outcome]) -> float:
    """Mean intersection over union."""
    return float(np.mean([one.overlap for one in found]))


def expected_error(found: list[Outcome], *, raw: bool = False, bins: int = 15) -> float:
    """Expected calibration error over bins that hold equally many scenes."""
    said, was = _said_and_was(found, raw=raw)
    parts = zip(np.array_split(said, bins), np.array_split(was, bins), strict=True)
    return float(sum(abs(s.mean() - w.mean()) * len(s) for s, w in parts) / len(said))


def _said_and_was(found: list[Outcome], *, raw: bool) -> tuple[Numbers, Numbers]:
    said = np.array([one.raw if raw else one.confidence for one in found])
    was = np.array([one.overlap for one in found])
    order = np.argsort(said, kind="stable")
    return said[order], was[order]


def _overlaps(judged: dict[str, list[Outcome]]) -> str:
    rows = []
    for name, found in judged.items():
        kinds = [
            mean_overlap([one for one in found if one.scene.ground == ground]) for ground in GROUNDS
        ]
        touching = mean_overlap([one for one in found if one.scene.touches_frame])
        inside = mean_overlap([one for one in found if not one.scene.touches_frame])
        values = (*kinds, inside, touching, mean_overlap(found))
        rows.append((name, *(f"{value:.3f}" for value in values)))
    header = ("method", *GROUNDS, "inside the frame", "leaving the frame", "all")
    return table(header, rows)


def _calibration(judged: dict[str, list[Outcome]]) -> str:
    rows = []
    for name in ("ns-1", "luma"):
        for raw in (True, False):
            said, was = _said_and_was(judged[name], raw=raw)
            rows.append(
                (
                    name,
                    "raw" if raw else "calibrated",
                    f"{expected_error(judged[name], raw=raw):.3f}",
                    f"{float(((said - was) ** 2).mean()):.4f}",
                )
            )
    return table(("method", "score", "calibration error", "mean squared error"), rows)


def _diagram(found: list[Outcome]) -> str:
    said, was = _said_and_was(found, raw=False)
    rows = [
        (f"{s.min():.2f} to {s.max():.2f}", f"{s.mean():.3f}", f"{w.mean():.3f}", len(s))
        for s, w in zip(np.array_split(said, 8), np.array_split(was, 8), strict=True)
    ]
    return table(("confidence", "mean confidence", "mean overlap", "scenes"), rows)


def _speed(one: Scene) -> str:
    large = cv2.resize(one.rgb, (2000, 1500), interpolation=cv2.INTER_CUBIC)
    picture = picture_of(np.ascontiguousarray(large))
    base = Parameters()
    with team_of(1) as alone, team_of(2) as two:
        times = interleaved(
            {
                "ns-1, 1 thread": lambda: segment(picture, base, alone),
                "ns-1, 2 threads": lambda: segment(picture, base, two),
                "luma": lambda: segment(picture, replace(base, method="luma"), alone),
            },
            rounds=15,
        )
    rows = [(name, str(time), f"{3 / time.median:.0f}") for name, time in times.items()]
    return table(("2000 x 1500 pixels", "median (range)", "megapixels per second"), rows)


if __name__ == "__main__":
    main()
