"""Pictures whose figure is known: shapes with photographic texture on three kinds of ground.

Everything is drawn from a seed, from the photographs in the scikit-image wheel alone.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

# scikit-image carries no types.
# mypy: disallow-untyped-calls=False

Bytes = NDArray[np.uint8]
Levels = NDArray[np.float64]

GROUNDS = ("plain", "gradient", "texture")
_TEXTURES = ("grass", "gravel", "brick")
_PHOTOGRAPHS = ("chelsea", "coffee", "immunohistochemistry", "astronaut", "rocket")


@dataclass(frozen=True, slots=True)
class Scene:
    """An (h, w, 3) picture with its true (h, w) figure, and what kind of ground it has."""

    rgb: Bytes
    figure: Bytes
    ground: str
    touches_frame: bool


def scene(seed: int, width: int = 480, height: int = 360) -> Scene:
    """A scene with one to six figures; a quarter of them may leave the frame."""
    rng = np.random.default_rng(seed)
    ground = GROUNDS[seed % 3]
    rgb = _ground(rng, ground, width, height)
    figure = np.zeros((height, width), np.uint8)
    may_touch = rng.random() < 0.25
    for _ in range(int(rng.integers(1, 7))):
        _add_shape(rng, figure, inside=not may_touch)
    fill = _fill(rng, rgb, figure)
    soft = cv2.GaussianBlur(figure * np.float32(1), (0, 0), float(rng.uniform(0.6, 1.6)))[..., None]
    mixed = rgb * (1 - soft) + fill * soft
    noisy = mixed + rng.normal(0, rng.uniform(1, 9), mixed.shape)
    frame = np.concatenate([figure[0], figure[-1], figure[:, 0], figure[:, -1]])
    return Scene(np.clip(noisy, 0, 255).astype(np.uint8), figure, ground, bool(frame.any()))


def _ground(rng: np.random.Generator, kind: str, width: int, height: int) -> Levels:
    first, second = rng.uniform(40, 235, 3), rng.uniform(40, 235, 3)
    if kind == "plain":
        return np.broadcast_to(first, (height, width, 3)).astype(np.float64)
    if kind == "gradient":
        second = first + (second - first) * rng.uniform(0.2, 0.7)
        angle = rng.uniform(0, 2 * np.pi)
        ys, xs = np.mgrid[:height, :width]
        along = xs / width * np.cos(angle) + ys / height * np.sin(angle)
        along = (along - along.min()) / np.ptp(along)
        shaded: Levels = first + (second - first) * along[..., None]
        return shaded
    texture = _patch(rng, _TEXTURES[int(rng.integers(3))], width, height)
    strength = rng.uniform(0.15, 0.7)
    ground: Levels = np.clip(first + (texture - texture.mean((0, 1))) * strength, 0, 255)
    return ground


def _fill(rng: np.random.Generator, ground: Levels, figure: Bytes) -> Levels:
    """The figure's surface: a photograph's, moved away from the ground's mean colour."""
    height, width = figure.shape
    texture = _patch(rng, _PHOTOGRAPHS[int(rng.integers(len(_PHOTOGRAPHS)))], width, height)
    away = rng.normal(size=3)
    away *= rng.uniform(15, 150) / np.linalg.norm(away)
    centre = ground.mean((0, 1)) + away
    strength = rng.uniform(0.0, 0.9)
    fill: Levels = np.clip(centre + (texture - texture.mean((0, 1))) * strength, 0, 255)
    return fill


def _patch(rng: np.random.Generator, name: str, width: int, height: int) -> Levels:
    photograph = _photograph(name)
    scale = max(width / photograph.shape[1], height / photograph.shape[0]) * rng.uniform(1, 1.6)
    large = cv2.resize(photograph, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top = int(rng.integers(large.shape[0] - height + 1))
    left = int(rng.integers(large.shape[1] - width + 1))
    return np.asarray(large[top : top + height, left : left + width], np.float64)


@lru_cache(maxsize=16)
def _photograph(name: str) -> Bytes:
    photograph = np.asarray(getattr(skimage.data, name)())
    if photograph.ndim == 2:
        photograph = np.repeat(photograph[..., None], 3, axis=2)
    return np.ascontiguousarray(photograph[..., :3], np.uint8)


def _add_shape(rng: np.random.Generator, figure: Bytes, *, inside: bool) -> None:
    height, width = figure.shape
    size = rng.uniform(0.08, 0.34) * height
    margin = size * 1.25 + 3 if inside else -size * 0.3
    x = rng.uniform(margin, width - margin) if width > 2 * margin else width / 2
    y = rng.uniform(margin, height - margin) if height > 2 * margin else height / 2
    kind = int(rng.integers(4))
    if kind == 0:
        axes = round(size), max(2, round(size * rng.uniform(0.35, 1)))
        cv2.ellipse(figure, (round(x), round(y)), axes, rng.uniform(0, 180), 0, 360, 1, -1)
    elif kind == 1:
        thick = max(6, round(size * rng.uniform(0.2, 0.4)))
        cv2.circle(figure, (round(x), round(y)), round(size - thick / 2), 1, thick)
    elif kind == 2:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 12))))
        radii = size * rng.uniform(0.5, 1.2, angles.size)
        points = np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], 1)
        cv2.fillPoly(figure, [np.round(points).astype(np.int32)], 1)
    else:
        _add_horse(rng, figure, x, y, size)


def _add_horse(rng: np.random.Generator, figure: Bytes, x: float, y: float, size: float) -> None:
    horse = (~np.asarray(skimage.data.horse())).astype(np.uint8)
    centre = horse.shape[1] / 2, horse.shape[0] / 2
    turn = cv2.getRotationMatrix2D(centre, rng.uniform(-30, 30), 2 * size / horse.shape[1])
    turn[:, 2] += np.array([x, y]) - centre
    placed = cv2.warpAffine(horse, turn, figure.shape[::-1], flags=cv2.INTER_NEAREST)
    np.maximum(figure, placed, out=figure)


def large_scene(width: int, height: int, seed: int = 7) -> tuple[Bytes, Bytes]:
    """Sixty shaded ellipses and rings on a noisy gradient: (h, w, 3) picture and (h, w) figure."""
    rng = np.random.default_rng(seed)
    unit = width / 4000
    ys = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    xs = np.linspace(0, 1, width, dtype=np.float32)[None]
    shade = 170 + 40 * ys + 15 * xs
    rgb = np.stack([shade, shade * np.float32(0.98), shade * np.float32(0.93)], -1).astype(np.uint8)
    figure = np.zeros((height, width), np.uint8)
    for i in range(60):
        centre = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        axes = int(rng.uniform(30, 260) * unit) + 1, int(rng.uniform(20, 160) * unit) + 1
        turn = rng.uniform(0, 360)
        thick = -1 if i % 4 else max(2, int(24 * unit))
        colour = tuple(int(c) for c in rng.uniform(20, 95, 3))
        cv2.ellipse(rgb, centre, axes, turn, 0, 360, colour, thick)
        cv2.ellipse(figure, centre, axes, turn, 0, 360, 1, thick)
    noise = rng.normal(0, 6, (height // 2 + 1, width // 2 + 1)).astype(np.float32)
    large = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
    for c in range(3):
        rgb[..., c] = np.clip(rgb[..., c] + large, 0, 255)
    return rgb, figure
