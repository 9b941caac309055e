"""Compiling ahead of the first work."""

import numpy as np

from monitoring.maps.fitting import fit
from monitoring.maps.parameters import CHOICES, Parameters
from monitoring.maps.placing import place


def warm_up() -> None:
    """Compile every kernel, or read it from the cache, so that no first row waits for it."""
    rows = np.random.default_rng(0).normal(size=(12, 3))
    for objective in CHOICES["objective"]:
        found = fit(rows, Parameters(objective=objective, mode="pca", imax=2))
        place(rows[:2], found.baseline)
