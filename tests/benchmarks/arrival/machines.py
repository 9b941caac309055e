"""Files of a machine that is watched: spectra made from a seed, healthy ones and others."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

MACHINES: Final = 12
METADATA: Final = ("segID", "machine", "shift", "participant")
# What of a rod's spectrum moves when the load does, and how many loads there are.
_MODES: Final = 40
_LOADS: Final = 8
_NOISE: Final = 0.02


def spectra(rows: int, columns: int, seed: int, *, broken: float = 0.0) -> NDArray[np.float64]:
    """(rows, columns) spectra of a machine under changing load, in arbitrary units.

    Forty resonances whose height and place follow eight slow influences, and white noise. A share
    ``broken`` of the rows has a further resonance, weaker or stronger: they leave the healthy
    region, most of them visibly. The machine is the same for any seed; the rows are not.
    """
    made = np.random.default_rng(7)  # the machine
    places = made.uniform(0, 1, _MODES)
    widths = made.uniform(0.004, 0.03, _MODES)
    heights = made.uniform(0.5, 3.0, _MODES)
    follow = made.normal(size=(_LOADS, _MODES)) / np.sqrt(_LOADS)
    chance = np.random.default_rng(seed)
    axis = np.linspace(0, 1, columns)
    out = np.empty((rows, columns))
    for start in range(0, rows, 500):
        count = min(500, rows - start)
        load = chance.normal(size=(count, _LOADS)) @ follow
        table = np.zeros((count, columns))
        for mode in range(_MODES):
            place = places[mode] + 0.002 * load[:, mode, None]
            shape = np.exp(-(((axis - place) / widths[mode]) ** 2))
            table += heights[mode] * (1 + 0.2 * load[:, mode, None]) * shape
        sick = chance.random(count) < broken
        size = chance.uniform(1.0, 25.0, (count, 1)) * sick[:, None]
        table += size * np.exp(-(((axis - 0.62) / 0.01) ** 2))
        out[start : start + count] = table + _NOISE * chance.normal(size=table.shape)
    return out


def write(path: Path, values: NDArray[np.float64]) -> None:
    """The rows as a logger writes them: four columns of metadata, six decimals."""
    names = ",".join(f"f_{number}" for number in range(values.shape[1]))
    pattern = ",".join(["%.6f"] * values.shape[1])
    with path.open("w", encoding="ascii") as file:
        file.write(f"{','.join(METADATA)},{names}\n")
        for number, row in enumerate(values, 1):
            machine, shift = number % MACHINES, number // 400 % 3
            file.write(f"{number},press-{machine:02},{'abc'[shift]},p{number % 5},")
            file.write(pattern % tuple(row) + "\n")
