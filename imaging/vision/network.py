"""EfficientNet-Lite0 as an ONNX graph, built from its tensors.

M. Tan and Q. V. Le, EfficientNet, ICML 2019; the Lite variant of 2020 has no squeeze-and-excite
and clips at six, so that it runs well on plain processors. Batch normalisation is folded into the
convolution before it: w' = w g / sqrt(v + e), b' = b - m g / sqrt(v + e).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imaging.vision.errors import TensorsUnreadable, WeightsMissing
from imaging.vision.tensors import Tensor

EDGE: Final = 224
"""Side of the square picture that the network looks at, in pixels."""

CLASSES: Final = 1000
INPUT: Final = "pictures"
OUTPUT: Final = "scores"

_EPSILON: Final = np.float32(1e-3)
_OPSET, _IR = 17, 9


@dataclass(frozen=True, slots=True)
class _Stage:
    """Blocks of one kind; only the first of them halves the size and changes the width."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


_STAGES: Final = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def onnx_of(tensors: Mapping[str, Tensor], *, note: Mapping[str, str]) -> bytes:
    """The graph as the bytes of an ONNX file; equal tensors give equal bytes.

    Input ``pictures`` (1, 3, 224, 224) float32, RGB, (value - 127) / 128; output ``scores``
    (1, 1000) float32 before softmax. ``note`` is kept in the file. Raises `TensorsUnreadable`
    when a tensor is missing or of another shape, `WeightsMissing` without the package onnx.
    """
    graph = _Graph(onnx_package(), tensors)
    width = 32
    now = graph.convolution(INPUT, "_conv_stem", "_bn0", stride=2)
    kinds = chain.from_iterable(repeat(stage, stage.blocks) for stage in _STAGES)
    for number, stage in enumerate(kinds):
        first = stage.width != width
        now = graph.block(now, number, stage, first=first)
        width = stage.width
    now = graph.convolution(now, "_conv_head", "_bn1")
    graph.classes(now)
    return graph.encoded(note)


def onnx_package() -> Any:
    """The package onnx, imported when it is first needed. Raises `WeightsMissing`."""
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise WeightsMissing(
            "The network is made with the package onnx, which is not installed: "
            'pip install "lacuna[local]".'
        ) from error


class _Graph:
    """A graph under construction; each method adds nodes and answers the name of its result."""

    def __init__(self, onnx: Any, tensors: Mapping[str, Tensor]) -> None:
        self._onnx, self._tensors = onnx, tensors
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._constant("zero", np.float32(0))
        self._constant("six", np.float32(6))

    def convolution(
        self, entering: str, name: str, normal: str, *, stride: int = 1, clipped: bool = True
    ) -> str:
        """A convolution, its batch normalisation, and clipping between 0 and 6."""
        weight = self._tensor(f"{name}.weight", rank=4)
        gain = self._tensor(f"{normal}.weight") / np.sqrt(
            self._tensor(f"{normal}.running_var") + _EPSILON
        )
        shift = self._tensor(f"{normal}.bias") - self._tensor(f"{normal}.running_mean") * gain
        if weight.shape[0] != gain.size:
            raise TensorsUnreadable(f"Tensors {name} and {normal} do not belong together.")
        # As much padding as keeps ceil(size / stride), the odd pixel right and below.
        kernel = weight.shape[2]
        padding = max(kernel - stride, 0)
        before, after = padding // 2, padding - padding // 2
        self._node(
            "Conv",
            (
                entering,
                self._constant(f"{name}.w", weight * gain[:, None, None, None]),
                self._constant(f"{name}.b", shift),
            ),
            name,
            strides=[stride, stride],
            kernel_shape=[kernel, kernel],
            pads=[before, before, after, after],
            group=weight.shape[0] if weight.shape[1] == 1 else 1,
        )
        return self._node("Clip", (name, "zero", "six"), f"{name}.clipped") if clipped else name

    def block(self, entering: str, number: int, stage: _Stage, *, first: bool) -> str:
        """Widen, filter each channel, narrow; and add what entered where the shape allows it."""
        at = f"_blocks.{number}"
        now = entering
        if stage.expansion > 1:
            now = self.convolution(now, f"{at}._expand_conv", f"{at}._bn0")
        stride = stage.stride if first else 1
        now = self.convolution(now, f"{at}._depthwise_conv", f"{at}._bn1", stride=stride)
        now = self.convolution(now, f"{at}._project_conv", f"{at}._bn2", clipped=False)
        if first:
            return now
        return self._node("Add", (entering, now), f"{at}.sum")

    def classes(self, entering: str) -> None:
        """The mean of every channel, and one score for each class."""
        mean = self._node("GlobalAveragePool", (entering,), "mean")
        flat = self._node("Flatten", (mean,), "flat")
        weight = self._constant("_fc.w", self._tensor("_fc.weight", rank=2))
        shift = self._constant("_fc.b", self._tensor("_fc.bias"))
        self._node("Gemm", (flat, weight, shift), OUTPUT, transB=1)

    def encoded(self, note: Mapping[str, str]) -> bytes:
        """The finished graph, checked by onnx, as bytes."""
        onnx, kind = self._onnx, self._onnx.TensorProto.FLOAT
        describe = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            self._nodes,
            "efficientnet-lite0",
            [describe(INPUT, kind, [1, 3, EDGE, EDGE])],
            [describe(OUTPUT, kind, [1, CLASSES])],
            self._constants,
        )
        opset = onnx.helper.make_opsetid("", _OPSET)
        model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=_IR)
        onnx.helper.set_model_props(model, dict(note))
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))

    def _tensor(self, name: str, *, rank: int = 1) -> NDArray[np.float32]:
        tensor = self._tensors.get(name)
        if tensor is None or tensor.ndim != rank or tensor.dtype != np.float32:
            raise TensorsUnreadable(
                f"The weights have no tensor {name} of {rank} dimensions and 32-bit floats; "
                "they are not those of EfficientNet-Lite0."
            )
        return tensor.astype(np.float32, copy=False)

    def _constant(self, name: str, values: NDArray[np.float32] | np.float32) -> str:
        self._constants.append(self._onnx.numpy_helper.from_array(np.asarray(values), name))
        return name

    def _node(self, kind: str, entering: tuple[str, ...], name: str, **attributes: Any) -> str:
        self._nodes.append(self._onnx.helper.make_node(kind, list(entering), [name], **attributes))
        return name
