"""What decides whether a row is healthy: a score, and the scores of the healthy rows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from monitoring.maps.container import packed, unpacked
from monitoring.scoring import conformal
from monitoring.scoring.mahalanobis import Spread

KIND: Final = "detector"
VERSION: Final = 1

Calibrated = Literal["leave-one-out", "leave-group-out", "split"]


@dataclass(frozen=True)
class Detector:
    """A calibrated score, frozen with its baseline.

    ``score`` names it; ``calibrated`` says how the healthy rows' own scores came about:
    ``leave-one-out`` (each against all others), ``leave-group-out`` (each against the other
    groups) or ``split`` (each against anchors that it is none of). ``calibration`` (n,): these
    scores, ascending. ``spread``: what the Mahalanobis scores are measured with.
    ``legacy_mean`` and ``legacy_deviation``: of the healthy rows' Mahalanobis distances on the
    map, for the original's rule.
    """

    score: str
    calibrated: Calibrated
    calibration: NDArray[np.float64]
    spread: Spread | None
    map_spread: Spread
    legacy_mean: float
    legacy_deviation: float

    @cached_property
    def largest(self) -> float:
        """The largest score of a healthy row."""
        return float(self.calibration[-1])

    def threshold(self, alpha: float) -> float:
        """The score above which a row is flagged at level ``alpha``; see `conformal.threshold`."""
        return conformal.threshold(self.calibration, alpha)

    def legacy_threshold(self, k: float) -> float:
        """Legacy rule: mean + k standard deviations of the healthy distances on the map.

        As the original has it, k 0.5 to 5. It promises no rate of false alarms and is kept for
        comparison alone.
        """
        return self.legacy_mean + k * self.legacy_deviation

    def to_bytes(self) -> bytes:
        """The detector as checksummed bytes; `from_bytes` reads them back."""
        figures = {
            "score": self.score,
            "calibrated": self.calibrated,
            "legacy_mean": self.legacy_mean,
            "legacy_deviation": self.legacy_deviation,
        }
        arrays: dict[str, NDArray[Any]] = {
            "calibration": self.calibration,
            "map_centre": self.map_spread.centre,
            "map_whitening": self.map_spread.whitening,
        }
        if self.spread is not None:
            arrays["centre"] = self.spread.centre
            arrays["whitening"] = self.spread.whitening
        return packed(KIND, VERSION, figures, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Detector":
        """The detector of `to_bytes`; raises Unusable for damaged or other bytes."""
        figures, arrays = unpacked(data, KIND, VERSION)
        own = "centre" in arrays
        return cls(
            score=figures["score"],
            calibrated=figures["calibrated"],
            calibration=arrays["calibration"],
            spread=Spread(arrays["centre"], arrays["whitening"]) if own else None,
            map_spread=Spread(arrays["map_centre"], arrays["map_whitening"]),
            legacy_mean=figures["legacy_mean"],
            legacy_deviation=figures["legacy_deviation"],
        )
