"""A frozen map: all that is needed to place new rows on it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.maps.container import packed, unpacked
from monitoring.maps.scaling import Scaling
from monitoring.maps.similarity import Calibration

Floats = NDArray[np.float32]

KIND: Final = "baseline"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Baseline:
    """The healthy rows that new rows are held against; never changed once made.

    ``rows``: how many rows the map was made of; ``anchors`` (l, d) are those that new rows are
    compared with, scaled, and ``coordinates`` (l, 2) their places. ``neighbours``: how many
    nearest anchors a distance is the mean of. ``spread`` (d,): standard deviation, in scaled
    units, of a healthy row's features from those of its nearest anchors. ``residual_limit``: the
    largest mean squared error with which a healthy row is drawn. ``fingerprint`` names the
    parameters.
    """

    objective: str
    a: float
    w2: float
    calibration: Calibration
    scaling: Scaling
    anchors: Floats
    coordinates: Floats
    spread: Floats
    neighbours: int
    residual_limit: float
    rows: int
    fingerprint: str

    @property
    def features(self) -> int:
        """How many features a row has."""
        return int(self.anchors.shape[1])

    @property
    def width(self) -> float:
        """The longer side of the box around the anchors, in map units."""
        return float(np.ptp(self.coordinates, axis=0).max())

    def to_bytes(self) -> bytes:
        """The baseline as checksummed bytes (see `container`); `from_bytes` reads them back."""
        figures = {
            "objective": self.objective,
            "a": self.a,
            "w1": self.calibration.w1,
            "w2": self.w2,
            "dmin": self.calibration.dmin,
            "dmax": self.calibration.dmax,
            "scaling": self.scaling.kind,
            "neighbours": self.neighbours,
            "residual_limit": self.residual_limit,
            "rows": self.rows,
            "fingerprint": self.fingerprint,
        }
        arrays = {
            "centre": self.scaling.centre,
            "scale": self.scaling.scale,
            "constant": self.scaling.constant,
            "anchors": self.anchors,
            "coordinates": self.coordinates,
            "spread": self.spread,
        }
        return packed(KIND, VERSION, figures, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Baseline":
        """The baseline of `to_bytes`; raises Unusable for damaged or other bytes."""
        figures, arrays = unpacked(data, KIND, VERSION)
        return cls(
            objective=figures["objective"],
            a=figures["a"],
            w2=figures["w2"],
            calibration=Calibration(figures["dmin"], figures["dmax"], figures["w1"]),
            scaling=Scaling(
                figures["scaling"], arrays["centre"], arrays["scale"], arrays["constant"]
            ),
            anchors=arrays["anchors"],
            coordinates=arrays["coordinates"],
            spread=arrays["spread"],
            neighbours=figures["neighbours"],
            residual_limit=figures["residual_limit"],
            rows=figures["rows"],
            fingerprint=figures["fingerprint"],
        )
