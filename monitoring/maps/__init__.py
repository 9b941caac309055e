"""Maps of healthy machines as pure functions on arrays; nothing here knows the database.

    fitted = fit(healthy, Parameters())
    kept = fitted.baseline.to_bytes()
    placed = place(rows, Baseline.from_bytes(kept))

Equal rows and parameters give equal bits for any number of threads. Import from here; the modules
behind are free to change. What each function means to an operator stands in docs/maps.md.
"""

from monitoring.maps.baseline import Baseline
from monitoring.maps.errors import FitCancelled, Unusable
from monitoring.maps.fitting import LANDMARKS, MOST_ANCHORS, Fit, fit
from monitoring.maps.parameters import (
    ALGORITHM,
    CHOICES,
    EXPLANATIONS,
    VERSION,
    Parameters,
    Problem,
    problems,
)
from monitoring.maps.placing import Placed, place
from monitoring.maps.quality import Quality, quality
from monitoring.maps.scaling import Scaling
from monitoring.maps.similarity import Calibration
from monitoring.maps.warming import warm_up

__all__ = [
    "ALGORITHM",
    "CHOICES",
    "EXPLANATIONS",
    "LANDMARKS",
    "MOST_ANCHORS",
    "VERSION",
    "Baseline",
    "Calibration",
    "Fit",
    "FitCancelled",
    "Parameters",
    "Placed",
    "Problem",
    "Quality",
    "Scaling",
    "Unusable",
    "fit",
    "place",
    "problems",
    "quality",
    "warm_up",
]
