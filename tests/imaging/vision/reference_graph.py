"""A graph model of TensorFlow.js, node by node in numpy, as TensorFlow describes each operation.

Pictures are (rows, columns, channels) in double precision; nothing is shared with the conversion.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]


def computed(
    topology: Mapping[str, Any], weights: Mapping[str, Numbers], given: Mapping[str, Numbers]
) -> dict[str, Numbers]:
    """What every node gives that depends on ``given`` alone; nodes may stand in any order."""
    known = {name: np.asarray(value, float) for name, value in given.items()}
    left = [node for node in topology["node"] if node["name"] not in known]
    while left:
        before = len(left)
        for node in list(left):
            names = [name.partition(":")[0] for name in node.get("input", [])]
            if node["op"] == "Const":
                known[node["name"]] = weights[node["name"]]
            elif all(name in known for name in names) and node["op"] in KINDS:
                known[node["name"]] = _of(node, [known[name] for name in names])
            else:
                continue
            left.remove(node)
        if len(left) == before:
            break
    return known


def _of(node: Mapping[str, Any], values: list[Numbers]) -> Numbers:
    kind, attr = node["op"], node.get("attr", {})
    made: Numbers = KINDS[kind](values, attr)
    for word in attr.get("fused_ops", {}).get("list", {}).get("s", []):
        match base64.b64decode(word).decode():
            case "BiasAdd":
                made = made + values[2]
            case "Relu":
                made = np.maximum(made, 0)
            case "Relu6":
                made = np.clip(made, 0, 6)
    return made.reshape(made.shape[-3:])


def _windows(picture: Numbers, kernel: tuple[int, int], attr: Mapping[str, Any]) -> Numbers:
    """(rows, columns, channels, kernel rows, kernel columns), strided and padded."""
    stride = int(attr["strides"]["list"]["i"][1])
    if base64.b64decode(attr["padding"]["s"]) == b"SAME":
        sides = []
        for size, length in zip(picture.shape[:2], kernel, strict=True):
            total = max((-(-size // stride) - 1) * stride + length - size, 0)
            sides.append((total // 2, total - total // 2))
        picture = np.pad(picture, (*sides, (0, 0)))
    view = np.lib.stride_tricks.sliding_window_view(picture, kernel, axis=(0, 1))
    return view[::stride, ::stride]


def _dense(values: list[Numbers], attr: Mapping[str, Any]) -> Numbers:
    picture, weight = values[0], values[1].astype(float)
    windows = _windows(picture, (weight.shape[0], weight.shape[1]), attr)
    made: Numbers = np.einsum("rckij,ijko->rco", windows, weight, optimize=True)
    return made


def _each(values: list[Numbers], attr: Mapping[str, Any]) -> Numbers:
    picture, weight = values[0], values[1].astype(float)
    windows = _windows(picture, (weight.shape[0], weight.shape[1]), attr)
    made: Numbers = np.einsum("rckij,ijkm->rckm", windows, weight)
    return made.reshape(*made.shape[:2], -1)


def _mean(values: list[Numbers], attr: Mapping[str, Any]) -> Numbers:
    assert sorted(values[1].tolist()) == [1, 2]
    made: Numbers = values[0].mean(axis=(0, 1), keepdims=True)
    return made


def _resized(values: list[Numbers], attr: Mapping[str, Any]) -> Numbers:
    picture, (rows, columns) = values[0], values[1]
    picture = _stretched(picture, int(rows), attr)
    turned = _stretched(picture.transpose(1, 0, 2), int(columns), attr)
    return turned.transpose(1, 0, 2)


def _stretched(picture: Numbers, size: int, attr: Mapping[str, Any]) -> Numbers:
    """Along the first axis, as TensorFlow's ResizeBilinear places the samples."""
    old = picture.shape[0]
    if attr.get("align_corners", {}).get("b"):
        at = np.arange(size) * (old - 1) / (size - 1)
    elif attr.get("half_pixel_centers", {}).get("b"):
        at = (np.arange(size) + 0.5) * old / size - 0.5
    else:
        at = np.arange(size) * old / size
    low = np.floor(at).astype(int)
    part = (at - low)[:, None, None]
    first, second = picture[np.clip(low, 0, old - 1)], picture[np.clip(low + 1, 0, old - 1)]
    made: Numbers = first * (1 - part) + second * part
    return made


KINDS: dict[str, Any] = {
    "Conv2D": _dense,
    "_FusedConv2D": _dense,
    "DepthwiseConv2dNative": _each,
    "FusedDepthwiseConv2dNative": _each,
    "Add": lambda values, _: values[0] + values[1],
    "AddV2": lambda values, _: values[0] + values[1],
    "Sub": lambda values, _: values[0] - values[1],
    "Mul": lambda values, _: values[0] * values[1],
    "Relu": lambda values, _: np.maximum(values[0], 0),
    "Relu6": lambda values, _: np.clip(values[0], 0, 6),
    "Sigmoid": lambda values, _: 1 / (1 + np.exp(-values[0])),
    "Identity": lambda values, _: values[0],
    "Mean": _mean,
    "ConcatV2": lambda values, _: np.concatenate(values[:-1], axis=2),
    "ResizeBilinear": _resized,
}
