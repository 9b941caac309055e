"""EfficientNet-Lite0 step by step in numpy: nothing folded, nothing shared with the ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float64]

# Kernel and stride of each block, in the order in which they come.
BLOCKS = (
    (3, 1),
    *((3, 2), (3, 1)),
    *((5, 2), (5, 1)),
    *((3, 2), (3, 1), (3, 1)),
    *((5, 1), (5, 1), (5, 1)),
    *((5, 2), (5, 1), (5, 1), (5, 1)),
    (3, 1),
)


def scores(tensors: Mapping[str, NDArray[Any]], picture: Levels) -> Levels:
    """The 1000 scores of a (3, 224, 224) picture, in double precision."""
    now = _clip(_normal(tensors, "_bn0", _dense(picture, tensors["_conv_stem.weight"], 2)))
    for number, (_, stride) in enumerate(BLOCKS):
        before, at = now, f"_blocks.{number}"
        normals = iter(range(3))
        if f"{at}._expand_conv.weight" in tensors:
            now = _dense(now, tensors[f"{at}._expand_conv.weight"], 1)
            now = _clip(_normal(tensors, f"{at}._bn{next(normals)}", now))
        else:
            next(normals)
        now = _each(now, tensors[f"{at}._depthwise_conv.weight"], stride)
        now = _clip(_normal(tensors, f"{at}._bn{next(normals)}", now))
        now = _dense(now, tensors[f"{at}._project_conv.weight"], 1)
        now = _normal(tensors, f"{at}._bn{next(normals)}", now)
        if now.shape == before.shape:
            now = now + before
    now = _clip(_normal(tensors, "_bn1", _dense(now, tensors["_conv_head.weight"], 1)))
    answer: Levels = tensors["_fc.weight"].astype(float) @ now.mean(axis=(1, 2))
    answer += tensors["_fc.bias"]
    return answer


def _windows(picture: Levels, kernel: int, stride: int) -> Levels:
    """(channels, rows, columns, kernel, kernel), padded as TensorFlow's SAME does."""
    size = picture.shape[1]
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    sides = (total // 2, total - total // 2)
    padded = np.pad(picture, ((0, 0), sides, sides))
    view = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
    return view[:, ::stride, ::stride]


def _dense(picture: Levels, weight: NDArray[Any], stride: int) -> Levels:
    windows = _windows(picture, weight.shape[2], stride)
    return np.tensordot(weight.astype(float), windows, axes=((1, 2, 3), (0, 3, 4)))


def _each(picture: Levels, weight: NDArray[Any], stride: int) -> Levels:
    answer: Levels = np.einsum(
        "crskl,ckl->crs", _windows(picture, weight.shape[2], stride), weight[:, 0].astype(float)
    )
    return answer


def _normal(tensors: Mapping[str, NDArray[Any]], name: str, now: Levels) -> Levels:
    mean, variance, gain, shift = (
        tensors[f"{name}.{part}"].astype(float)[:, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    answer: Levels = (now - mean) / np.sqrt(variance + 1e-3) * gain + shift
    return answer


def _clip(now: Levels) -> Levels:
    return np.clip(now, 0.0, 6.0)
