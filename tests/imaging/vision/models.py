"""Small graph models of TensorFlow.js, written node by node."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


def words(*texts: str) -> dict[str, Any]:
    return {"list": {"s": [base64.b64encode(text.encode()).decode() for text in texts]}}


def text(value: str) -> dict[str, Any]:
    return {"s": base64.b64encode(value.encode()).decode()}


def numbers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def filtering(stride: int = 1, padding: str = "SAME", fused: tuple[str, ...] = ()) -> Any:
    """The attributes of a convolution."""
    attr = {
        "strides": numbers(1, stride, stride, 1),
        "dilations": numbers(1, 1, 1, 1),
        "padding": text(padding),
        "data_format": text("NHWC"),
    }
    return attr | ({"fused_ops": words(*fused)} if fused else {})


@dataclass
class Model:
    """A model under construction; numbers are drawn from one generator."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    manifest: list[dict[str, Any]] = field(default_factory=list)
    data: bytes = b""
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(4))

    def node(self, name: str, op: str, *entering: str, **attr: Any) -> str:
        self.nodes.append({"name": name, "op": op, "input": list(entering), "attr": attr})
        return name

    def picture(self, name: str = "images") -> str:
        return self.node(name, "Placeholder")

    def drawn(self, name: str, *shape: int, half: bool = False) -> str:
        return self.weight(name, self.rng.normal(size=shape).astype(np.float32), half=half)

    def weight(self, name: str, value: Any, *, half: bool = False) -> str:
        value = np.asarray(value)
        kind = "float32" if value.dtype.kind == "f" else "int32"
        entry: dict[str, Any] = {"name": name, "shape": list(value.shape), "dtype": kind}
        if half:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
        self.manifest.append(entry)
        self.data += value.astype(
            "<f2" if half else "<f4" if kind == "float32" else "<i4"
        ).tobytes()
        return self.node(name, "Const")

    @property
    def topology(self) -> dict[str, Any]:
        return {"node": self.nodes}

    @property
    def groups(self) -> list[dict[str, Any]]:
        return [{"paths": ["weights.bin"], "weights": self.manifest}]

    def document(self) -> bytes:
        return json.dumps({"modelTopology": self.topology, "weightsManifest": self.groups}).encode()


def detector_like() -> Model:
    """The ends of the detector with next to nothing between: 512 to 128 by a stride of four.

    Scores are sigmoids of weighted means, reach is eight times a mean.
    """
    model = Model()
    model.picture("tower_0/images")
    for end, channels in (("keypoints", 80), ("wh", 4)):
        kernel = model.rng.normal(scale=0.001, size=(4, 4, 3, channels)).astype(np.float32)
        weight = model.weight(f"{end}/weights", kernel, half=True)
        bias = model.drawn(f"{end}/bias", channels, half=True)
        attr = filtering(4, "VALID", ("BiasAdd",))
        made = model.node(f"{end}/linear", "_FusedConv2D", "tower_0/images", weight, bias, **attr)
        if end == "keypoints":
            made = model.node(f"{end}/odds", "Sigmoid", made)
        model.node(f"tower_0/{end}", "Identity", made)
    return model


def bright_spots(reach: float = 64) -> Model:
    """The ends again: what is brightest is a bird, and reaches so many pixels to each side."""
    model = Model()
    model.picture("tower_0/images")
    brightness = np.zeros((4, 4, 3, 80), np.float32)
    brightness[..., 14] = 0.1 / 48  # sigmoid of a tenth of the mean, less 20
    bias = np.full(80, -20, np.float32)
    attr = filtering(4, "VALID", ("BiasAdd",))
    nothing, sides = np.zeros((4, 4, 3, 4), np.float32), np.full(4, reach, np.float32)
    for end, kernel, shift in (("keypoints", brightness, bias), ("wh", nothing, sides)):
        weight = model.weight(f"{end}/weights", kernel)
        added = model.weight(f"{end}/bias", shift)
        made = model.node(f"{end}/linear", "_FusedConv2D", "tower_0/images", weight, added, **attr)
        if end == "keypoints":
            made = model.node(f"{end}/odds", "Sigmoid", made)
        model.node(f"tower_0/{end}", "Identity", made)
    return model


def spot(rows: int, columns: int, *, at: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture that is dark but for a soft spot around a row and column."""
    y, x = np.mgrid[0:rows, 0:columns]
    bright = 255 * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * (rows / 12) ** 2))
    return np.repeat(bright.astype(np.uint8)[..., None], 3, axis=2)
