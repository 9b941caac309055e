"""A graph model of TensorFlow.js as an ONNX graph.

A graph model is a JSON document, whose ``modelTopology`` names the nodes and whose
``weightsManifest`` says how the numbers of the file beside it are laid out. TensorFlow.js lays
pictures out as (n, rows, columns, channels), ONNX as (n, channels, rows, columns); everything is
turned round once, here. Only what networks of convolutions are made of is known; every other
operation is refused by name.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imaging.vision.errors import TensorsUnreadable
from imaging.vision.network import onnx_package
from imaging.vision.tensors import Tensor

Node = Mapping[str, Any]

_OPSET, _IR = 18, 9
_STORED: Final[dict[str, np.dtype[Any]]] = {
    "float32": np.dtype("<f4"),
    "int32": np.dtype("<i4"),
    "float16": np.dtype("<f2"),
}
_WITHOUT_RESULT: Final = frozenset({"Const", "Placeholder"})


@dataclass(frozen=True, slots=True)
class End:
    """What goes in or comes out: its name in the model, its name in ONNX, its shape there."""

    model_name: str
    name: str
    shape: tuple[int, int, int, int]


def read_weights(manifest: Sequence[Mapping[str, Any]], data: bytes) -> dict[str, Tensor]:
    """The tensors of the file by name: float32 or int32, laid out as TensorFlow.js has them.

    Numbers stored in half precision are widened. ``data`` is the manifest's files, one after the
    other. Raises `TensorsUnreadable` where the file is not exactly as long as the manifest says.
    """
    found: dict[str, Tensor] = {}
    at = 0
    for one in (weight for group in manifest for weight in group["weights"]):
        name, shape = str(one["name"]), tuple(int(size) for size in one["shape"])
        stored = _STORED.get(one.get("quantization", {}).get("dtype", one["dtype"]))
        if stored is None or one["dtype"] not in {"float32", "int32"} or min(shape, default=1) < 1:
            raise TensorsUnreadable(f"Weight {name} of the model is of a kind that is not read.")
        count = math.prod(shape)
        if at + count * stored.itemsize > len(data):
            raise TensorsUnreadable(f"The model's file of weights ends early, in {name}.")
        numbers = np.frombuffer(data, stored, count, at)
        found[name] = numbers.astype(_STORED[one["dtype"]]).reshape(shape)
        at += numbers.nbytes
    if at != len(data):
        raise TensorsUnreadable(
            f"The model's file of weights has {len(data)} bytes, of which {at} are accounted for."
        )
    return found


def graph_of(
    topology: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    entering: End,
    leaving: Sequence[End],
    *,
    name: str,
    note: Mapping[str, str],
) -> bytes:
    """What lies between the ends, as the bytes of an ONNX file; equal models give equal bytes.

    ``note`` is kept in the file. Raises `TensorsUnreadable` for an operation, or a use of one, that
    is not known; `WeightsMissing` without the package onnx.
    """
    conversion = _Conversion(onnx_package(), topology, weights, entering)
    for end in leaving:
        conversion.reach(end)
    return conversion.encoded(leaving, name, note)


class _Conversion:
    """A graph under construction: nodes are added in the order in which they are computed."""

    def __init__(
        self, onnx: Any, topology: Mapping[str, Any], weights: Mapping[str, Tensor], entering: End
    ) -> None:
        self._onnx, self._weights, self._entering = onnx, weights, entering
        self._model: dict[str, Node] = {str(node["name"]): node for node in topology["node"]}
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._names = {entering.model_name: entering.name}
        self._kinds: dict[str, Callable[[Node], str]] = {
            "Conv2D": self._convolution,
            "_FusedConv2D": self._convolution,
            "DepthwiseConv2dNative": self._convolution,
            "FusedDepthwiseConv2dNative": self._convolution,
            "Add": self._arithmetic,
            "AddV2": self._arithmetic,
            "Sub": self._arithmetic,
            "Mul": self._arithmetic,
            "Relu": self._function,
            "Sigmoid": self._function,
            "Identity": self._function,
            "Relu6": self._clipped,
            "Mean": self._mean,
            "ConcatV2": self._side_by_side,
            "ResizeBilinear": self._resized,
        }

    def reach(self, end: End) -> None:
        """Add all that the end depends on, and the end under its own name."""
        self._compute(end.model_name)
        self._add("Identity", [self._names[end.model_name]], end.name)

    def encoded(self, leaving: Sequence[End], name: str, note: Mapping[str, str]) -> bytes:
        """The finished graph, checked by onnx, as bytes."""
        onnx, kind = self._onnx, self._onnx.TensorProto.FLOAT
        describe = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            self._nodes,
            name,
            [describe(self._entering.name, kind, self._entering.shape)],
            [describe(end.name, kind, end.shape) for end in leaving],
            list(self._constants.values()),
        )
        opset = onnx.helper.make_opsetid("", _OPSET)
        model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=_IR)
        onnx.helper.set_model_props(model, dict(note))
        try:
            onnx.checker.check_model(model, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            first = str(error).strip().splitlines()[0]
            raise TensorsUnreadable(f"The model does not fit together: {first}.") from error
        return bytes(model.SerializeToString(deterministic=True))

    # --- The way through the model ---

    def _compute(self, target: str) -> None:
        """Add the nodes that the target needs, each after those that it needs itself."""
        waiting, begun = [target], set[str]()
        while waiting:
            name = waiting[-1]
            node = self._node(name)
            if name in self._names or node["op"] in _WITHOUT_RESULT:
                waiting.pop()
                continue
            open_ends = [one for one in self._inputs(node) if not self._is_there(one)]
            if open_ends and name in begun:
                raise TensorsUnreadable(f"Node {name} of the model waits for itself.")
            begun.add(name)
            if open_ends:
                waiting += reversed(open_ends)
                continue
            make = self._kinds.get(str(node["op"]))
            if make is None:
                raise TensorsUnreadable(f"Node {name} of the model is {node['op']}, which is new.")
            self._names[name] = make(node)
            waiting.pop()

    def _is_there(self, name: str) -> bool:
        return name in self._names or self._node(name)["op"] in _WITHOUT_RESULT

    def _node(self, name: str) -> Node:
        node = self._model.get(name)
        if node is None:
            raise TensorsUnreadable(f"The model has no node {name}.")
        return node

    @staticmethod
    def _inputs(node: Node) -> list[str]:
        return [str(name).partition(":")[0] for name in node.get("input", [])]

    # --- Operations ---

    def _convolution(self, node: Node) -> str:
        name, entering = str(node["name"]), self._inputs(node)
        strides = _numbers(node, "strides")
        fused = [base64.b64decode(word).decode() for word in _list(node, "fused_ops", "s")]
        if (
            _text(node, "data_format", "NHWC") != "NHWC"
            or set(_numbers(node, "dilations")) - {1}
            or len(strides) != 4
            or fused[:1] not in ([], ["BiasAdd"])
            or fused[1:] not in ([], ["Relu"], ["Relu6"])
        ):
            raise self._unknown_use(node)
        weight, groups = self._kernel(entering[1], each="Depthwise" in str(node["op"]))
        ins = [self._result(entering[0]), self._constant(f"{name}:w", weight)]
        if fused:
            ins.append(self._constant(f"{name}:b", self._weight(entering[2]).reshape(-1)))
        made = self._add(
            "Conv",
            ins,
            name if len(fused) < 2 else f"{name}:linear",
            strides=strides[1:3],
            kernel_shape=weight.shape[2:],
            auto_pad=self._padding(node),
            group=groups,
        )
        if fused[1:] == ["Relu"]:
            return self._add("Relu", [made], name)
        return self._add("Clip", [made, *self._clip()], name) if fused[1:] else made

    def _kernel(self, name: str, *, each: bool) -> tuple[NDArray[np.float32], int]:
        """(rows, columns, in, out) as ONNX has it, and the number of groups.

        ``each``: every channel is filtered by itself, and the last side is results of a channel.
        """
        weight = self._weight(name)
        if weight.ndim != 4:
            raise TensorsUnreadable(f"Weight {name} of the model has not four dimensions.")
        if not each:
            return np.ascontiguousarray(weight.transpose(3, 2, 0, 1)), 1
        rows, columns, channels, results = weight.shape
        turned = weight.transpose(2, 3, 0, 1).reshape(channels * results, 1, rows, columns)
        return np.ascontiguousarray(turned), channels

    def _padding(self, node: Node) -> str:
        kinds = {"SAME": "SAME_UPPER", "VALID": "VALID"}
        kind = kinds.get(_text(node, "padding", ""))
        if kind is None:
            raise self._unknown_use(node)
        return kind

    def _arithmetic(self, node: Node) -> str:
        kind = str(node["op"]).removesuffix("V2")
        return self._add(kind, [self._operand(one) for one in self._inputs(node)], node["name"])

    def _function(self, node: Node) -> str:
        return self._add(str(node["op"]), [self._result(self._inputs(node)[0])], node["name"])

    def _clipped(self, node: Node) -> str:
        return self._add("Clip", [self._result(self._inputs(node)[0]), *self._clip()], node["name"])

    def _clip(self) -> list[str]:
        return [self._constant("0", np.float32(0)), self._constant("6", np.float32(6))]

    def _mean(self, node: Node) -> str:
        entering, axes = self._inputs(node)
        over = sorted(self._weight(axes, whole=True).reshape(-1).tolist())
        if over != [1, 2] or not _flag(node, "keep_dims"):
            raise self._unknown_use(node)
        return self._add("GlobalAveragePool", [self._result(entering)], node["name"])

    def _side_by_side(self, node: Node) -> str:
        *parts, axis = self._inputs(node)
        if int(self._weight(axis, whole=True).reshape(-1)[0]) not in {3, -1}:
            raise self._unknown_use(node)
        return self._add("Concat", [self._result(one) for one in parts], node["name"], axis=1)

    def _resized(self, node: Node) -> str:
        entering, size = self._inputs(node)
        sides = self._weight(size, whole=True).astype(np.int64)
        if _flag(node, "align_corners"):
            corners = "align_corners"
        else:
            corners = "half_pixel" if _flag(node, "half_pixel_centers") else "asymmetric"
        return self._add(
            "Resize",
            [self._result(entering), "", "", self._constant(f"{node['name']}:size", sides)],
            node["name"],
            axes=[2, 3],
            mode="linear",
            coordinate_transformation_mode=corners,
        )

    # --- Parts ---

    def _result(self, name: str) -> str:
        if name not in self._names:
            raise TensorsUnreadable(f"Node {name} of the model is used as a picture but is none.")
        return self._names[name]

    def _operand(self, name: str) -> str:
        """A picture, or a constant that fits one: a number, one for each channel, or a picture."""
        if self._node(name)["op"] != "Const":
            return self._result(name)
        value = self._weight(name)
        match value.ndim:
            case 0:
                turned = value
            case 1:
                turned = value.reshape(1, -1, 1, 1)
            case 4:
                turned = np.ascontiguousarray(value.transpose(0, 3, 1, 2))
            case _:
                raise TensorsUnreadable(f"Weight {name} of the model fits no picture.")
        return self._constant(name, turned)

    def _weight(self, name: str, *, whole: bool = False) -> NDArray[Any]:
        value = self._weights.get(name)
        if value is None or (value.dtype == np.int32) != whole:
            kind = "whole numbers" if whole else "32-bit floats"
            raise TensorsUnreadable(f"The model has no weight {name} of {kind}.")
        return value

    def _constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        self._constants[name] = self._onnx.numpy_helper.from_array(np.asarray(value), name)
        return name

    def _add(self, kind: str, entering: Sequence[str], name: str, **attributes: Any) -> str:
        self._nodes.append(self._onnx.helper.make_node(kind, list(entering), [name], **attributes))
        return name

    @staticmethod
    def _unknown_use(node: Node) -> TensorsUnreadable:
        return TensorsUnreadable(
            f"Node {node['name']} of the model uses {node['op']} in a way that is not known."
        )


# --- What is written beside an operation ----------------------------------------------------------


def _text(node: Node, key: str, default: str) -> str:
    value = node.get("attr", {}).get(key, {}).get("s")
    try:
        return default if value is None else base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _list(node: Node, key: str, kind: str) -> list[str]:
    return [str(one) for one in node.get("attr", {}).get(key, {}).get("list", {}).get(kind, [])]


def _numbers(node: Node, key: str) -> list[int]:
    return [int(one) for one in _list(node, key, "i")]


def _flag(node: Node, key: str) -> bool:
    return bool(node.get("attr", {}).get(key, {}).get("b", False))
