"""Which pixels are figure: three ways to a mask, each with what is needed to judge it."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.analysis.barrier import barrier_distance, cell_sums, resembling, summed
from imaging.analysis.decoding import Picture
from imaging.analysis.errors import ImageRefused
from imaging.analysis.parameters import Parameters
from imaging.analysis.team import Team

Bytes = NDArray[np.uint8]
Counts = NDArray[np.int64]

_COARSE = 160
"""Cells along the long side of the grid on which the ground's colour is averaged."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold on a histogram, and how well it divides.

    ``level``: values above it belong to the upper class. ``separability``: Otsu's eta, variance
    between the classes over total variance, 0..1. ``contrast``: difference of the class means.
    ``stability``: IoU of the lower class when the level is moved down and up by the step.
    """

    level: int
    separability: float
    contrast: float
    stability: float


@dataclass(frozen=True, slots=True)
class Segmentation:
    """An (h, w) mask, 1 = figure, and how it came about.

    ``border_figure`` is the share of the frame that looks like figure, 0..1.
    """

    mask: Bytes
    threshold: Threshold
    border_figure: float


def segment(picture: Picture, parameters: Parameters, team: Team) -> Segmentation:
    """Divide a picture into figure and ground; raises `ImageRefused` (``no_alpha``)."""
    if parameters.method == "alpha":
        return _by_alpha(picture, parameters)
    if parameters.method == "luma":
        return _by_luma(picture, parameters)
    return _by_barrier(picture, parameters, team)


def otsu(counts: Counts) -> int:
    """Otsu's level: the first that maximises the variance between the classes (1979)."""
    weights = counts.astype(np.float64)
    below = np.cumsum(weights)[:-1]
    above = weights.sum() - below
    levels = np.arange(counts.size)
    moment = np.cumsum(weights * levels)
    total = moment[-1]
    both = (below > 0) & (above > 0)
    if not both.any():
        return int(np.flatnonzero(counts)[0]) if counts.any() else 0
    below, above = np.where(both, below, 1.0), np.where(both, above, 1.0)
    spread = moment[:-1] / below - (total - moment[:-1]) / above
    between = np.where(both, below * above * spread**2, -1.0)
    return int(np.argmax(between))


def judged(counts: Counts, level: int, step: float, *, lower_is_ground: bool = True) -> Threshold:
    """How well a level divides a histogram."""
    total = int(counts.sum())
    levels = np.arange(counts.size, dtype=np.float64)
    lower = int(counts[: level + 1].sum())
    upper = total - lower
    mean = float((counts * levels).sum()) / total
    variance = float((counts * (levels - mean) ** 2).sum()) / total
    separability = contrast = 0.0
    if lower and upper and variance > 0:
        low = float((counts * levels)[: level + 1].sum()) / lower
        high = (mean * total - low * lower) / upper
        contrast = high - low
        separability = min(1.0, lower * upper * contrast**2 / (total * total) / variance)
    down = int(counts[: math.floor(level * (1 - step)) + 1].sum())
    up = int(counts[: math.ceil(level * (1 + step)) + 1].sum())
    if not lower_is_ground:
        down, up = total - up, total - down
    stability = down / up if up else 1.0
    return Threshold(level, separability, contrast, stability)


def frame_of(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """The pixels of the outermost ring of an (h, w, ...) array, each once."""
    if min(array.shape[:2]) <= 2:
        return array.reshape(-1, *array.shape[2:])
    return np.concatenate([array[0], array[-1], array[1:-1, 0], array[1:-1, -1]])


def _by_barrier(picture: Picture, parameters: Parameters, team: Team) -> Segmentation:
    """Far from the frame in barrier distance, less what looks like the ground around it."""
    blurred = _blurred(picture.rgb, parameters.blur)
    lab = np.asarray(cv2.cvtColor(blurred, cv2.COLOR_RGB2LAB), np.uint8)
    seeds, divided = frame_seeds(lab, parameters)
    channels = [np.ascontiguousarray(lab[..., c]) for c in range(3)]
    parts = [
        team.submit(barrier_distance, channel, seeds, parameters.sweeps) for channel in channels
    ]
    distance, counts = summed(*(part.result() for part in parts))
    level = otsu(counts)
    mask = np.greater(distance, level).view(np.uint8)
    if parameters.hole_tolerance > 0:
        reopen_holes(mask, lab, level * parameters.hole_tolerance, parameters.blur // 2 | 1)
    threshold = judged(counts, level, parameters.stability_step)
    border = float(frame_of(mask).mean())
    strange = _strange_share(lab, level)
    if not divided and mask.any() and strange > parameters.max_frame_figure:
        # The frame is too varied to be ground, and was taken for it all the same.
        border = max(border, strange)
    return Segmentation(mask, threshold, border)


def frame_seeds(lab: Bytes, parameters: Parameters) -> tuple[NDArray[np.bool_], bool]:
    """Frame pixels that are taken for ground, as an (h, w) mask; and whether some are not.

    All of them, unless a minority of the frame differs clearly from the frame's median colour: that
    minority is a figure which leaves the picture.
    """
    seeds = np.zeros(lab.shape[:2], np.bool_)
    seeds[0] = seeds[-1] = True
    seeds[:, 0] = seeds[:, -1] = True
    away = _away_from_median(lab[seeds])
    counts = np.bincount(away, minlength=766)
    level = otsu(counts)
    judgement = judged(counts, level, parameters.stability_step)
    strange = away > level
    divided = (
        judgement.contrast >= parameters.min_frame_contrast
        and judgement.separability >= parameters.min_frame_separability
        and float(strange.mean()) <= parameters.max_frame_figure
    )
    if divided:
        seeds[seeds] = ~strange
    return seeds, divided


def reopen_holes(mask: Bytes, lab: Bytes, tolerance: float, side: int) -> None:
    """Give back to the ground, in place, what is enclosed by a figure but looks like the ground.

    Barrier distance cannot enter a ring. A figure pixel returns when the sum of its Lab differences
    to the mean colour of the ground around it is below ``tolerance``; specks smaller than ``side``
    stay. The mean is taken on a coarse grid, over a quarter of the long side, or over all the
    ground where none is so near.
    """
    step = max(1, max(mask.shape) // _COARSE)
    sums, counts = cell_sums(mask, lab, step)
    window = 2 * (max(counts.shape) // 8) + 1
    weight, colour = (
        cv2.blur(array, (window, window), borderType=cv2.BORDER_CONSTANT)
        for array in (counts.astype(np.float32), sums.astype(np.float32))
    )
    total = int(counts.sum())
    if total == 0:
        return
    # Where there is no ground nearby, all the ground speaks; elsewhere it hardly counts.
    little = np.float32(0.01 * int(counts.max()))
    overall = (sums.sum(axis=(0, 1), dtype=np.int64) / total).astype(np.float32)
    mean = (colour + little * overall) / (weight + little)[..., None]
    back = resembling(mask, lab, np.rint(mean).astype(np.uint8), tolerance, step)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    opened = np.asarray(cv2.morphologyEx(back, cv2.MORPH_OPEN, kernel), np.uint8)
    np.subtract(mask, opened, out=mask)


def _away_from_median(frame: NDArray[np.generic]) -> NDArray[np.int64]:
    """Sum of Lab differences of (n, 3) pixels to their median colour."""
    pixels = frame.astype(np.int64)
    middle = np.median(pixels, axis=0).astype(np.int64)
    away: NDArray[np.int64] = np.abs(pixels - middle).sum(axis=1)
    return away


def _strange_share(lab: Bytes, level: int) -> float:
    """Share of the frame that differs from its median colour by more than the threshold."""
    return float((_away_from_median(frame_of(lab)) > level).mean())


def _by_luma(picture: Picture, parameters: Parameters) -> Segmentation:
    plain = np.asarray(cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    grey = _blurred(plain, parameters.blur)
    counts = np.bincount(grey.ravel(), minlength=256)
    level = otsu(counts)
    mask = np.greater(grey, level).view(np.uint8)
    inverted = float(frame_of(mask).mean()) > 0.5
    if inverted:
        np.subtract(1, mask, out=mask)
    threshold = judged(counts, level, parameters.stability_step, lower_is_ground=not inverted)
    return Segmentation(mask, threshold, float(frame_of(mask).mean()))


def _by_alpha(picture: Picture, parameters: Parameters) -> Segmentation:
    if picture.alpha is None:
        raise ImageRefused(
            "no_alpha",
            "The picture has no transparency, so its alpha cannot be the figure; "
            "choose the method mbd or luma.",
        )
    level = parameters.alpha_threshold - 1
    mask = np.greater(picture.alpha, level).view(np.uint8)
    counts = np.bincount(picture.alpha.ravel(), minlength=256)
    threshold = judged(counts, level, parameters.stability_step)
    return Segmentation(mask, threshold, float(frame_of(mask).mean()))


def _blurred(array: Bytes, side: int) -> Bytes:
    if side == 1:
        return array
    blurred = cv2.blur(array, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.uint8)
