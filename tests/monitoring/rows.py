"""Small tables of healthy rows, made from a seed."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def cloud(rows: int, columns: int = 6, seed: int = 0) -> Numbers:
    """Normal rows of unequal widths."""
    chance = np.random.default_rng(seed)
    return chance.normal(size=(rows, columns)) * np.linspace(1, 3, columns)


def two_clouds(rows: int, apart: float, seed: int = 0) -> tuple[Numbers, NDArray[np.bool_]]:
    """Two equal clouds ``apart`` standard deviations from each other, and which is the second."""
    table = np.random.default_rng(seed).normal(size=(rows, 5))
    second = np.arange(rows) % 2 == 1
    table[second, 0] += apart
    return table, second


def circle(rows: int) -> Numbers:
    """Points evenly on a circle of radius 1, in a plane of three dimensions."""
    angle = 2 * np.pi * np.arange(rows) / rows
    flat = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    plane = np.array([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    out: Numbers = flat @ plane
    return out


def euclidean(one: Numbers, other: Numbers) -> Numbers:
    """All distances, the plain way."""
    out: Numbers = np.sqrt(np.square(one[:, None, :] - other[None]).sum(axis=2))
    return out
