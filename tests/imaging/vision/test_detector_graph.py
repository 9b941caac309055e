"""A graph model of TensorFlow.js and what is made of it compute the same, node by node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.vision.detector_graph import End, graph_of, read_weights
from imaging.vision.errors import TensorsUnreadable
from imaging.vision.session import opened
from tests.imaging.vision import reference_graph
from tests.imaging.vision.models import Model, filtering, numbers, text

ROWS, COLUMNS, CHANNELS = 9, 12, 3

Making = Callable[[Model], str]


def dense(stride: int, padding: str, kernel: int, *fused: str) -> Making:
    def make(model: Model) -> str:
        ins = ["images", model.drawn("w", kernel, kernel, CHANNELS, 5)]
        if fused:
            ins.append(model.drawn("b", 5))
        kind = "_FusedConv2D" if fused else "Conv2D"
        return model.node("end", kind, *ins, **filtering(stride, padding, fused))

    return make


def each(stride: int, padding: str, results: int, *fused: str) -> Making:
    def make(model: Model) -> str:
        ins = ["images", model.drawn("w", 3, 3, CHANNELS, results)]
        if fused:
            ins.append(model.drawn("b", CHANNELS * results))
        kind = "FusedDepthwiseConv2dNative" if fused else "DepthwiseConv2dNative"
        return model.node("end", kind, *ins, **filtering(stride, padding, fused))

    return make


def with_constant(op: str, *shape: int, first: bool = False) -> Making:
    def make(model: Model) -> str:
        constant = model.drawn("c", *shape)
        return model.node("end", op, *((constant, "images") if first else ("images", constant)))

    return make


def function(op: str) -> Making:
    return lambda model: model.node("end", op, "images")


def resized(rows: int, columns: int, **flags: bool) -> Making:
    def make(model: Model) -> str:
        size = model.weight("size", np.array([rows, columns], np.int32))
        attr = {name: {"b": value} for name, value in flags.items()}
        return model.node("end", "ResizeBilinear", "images", size, **attr)

    return make


def squeezed(model: Model) -> str:
    """The mean of each channel, times the picture: as in squeeze and excite."""
    axes = model.weight("axes", np.array([1, 2], np.int32))
    mean = model.node("mean", "Mean", "images:0", axes, keep_dims={"b": True})
    return model.node("end", "Mul", mean, "images")


def side_by_side(model: Model) -> str:
    axis = model.weight("axis", np.int32(3))
    more = model.node("more", "Relu6", "images")
    return model.node("end", "ConcatV2", "images", more, axis)


OPERATIONS: dict[str, Making] = {
    "one by one": dense(1, "SAME", 1),
    "three by three": dense(1, "SAME", 3, "BiasAdd"),
    "five by five, half the size": dense(2, "SAME", 5, "BiasAdd", "Relu"),
    "three by three, half the size": dense(2, "SAME", 3, "BiasAdd", "Relu6"),
    "no padding": dense(2, "VALID", 3, "BiasAdd"),
    "each channel": each(1, "SAME", 1),
    "each channel twice": each(1, "SAME", 2, "BiasAdd", "Relu"),
    "each channel, half the size": each(2, "SAME", 1, "BiasAdd", "Relu6"),
    "each channel, no padding": each(1, "VALID", 2),
    "plus a number": with_constant("Add"),
    "plus one for each channel": with_constant("AddV2", CHANNELS),
    "times a picture": with_constant("Mul", 1, ROWS, COLUMNS, CHANNELS),
    "minus a number": with_constant("Sub"),
    "a number minus it": with_constant("Sub", first=True),
    "negative to nothing": function("Relu"),
    "between 0 and 6": function("Relu6"),
    "sigmoid": function("Sigmoid"),
    "as it is": function("Identity"),
    "mean of each channel": squeezed,
    "side by side": side_by_side,
    "twice as large": resized(2 * ROWS, 2 * COLUMNS),
    "larger, odd factors": resized(20, 31),
    "larger, pixels have centres": resized(2 * ROWS, 3 * COLUMNS, half_pixel_centers=True),
    "larger, corners meet": resized(17, 23, align_corners=True),
}


def answered(model: Model, end: str = "end") -> tuple[NDArray[Any], NDArray[Any]]:
    """What ONNX and the plain arithmetic say, both (rows, columns, channels)."""
    weights = read_weights(model.groups, model.data)
    picture = np.random.default_rng(8).normal(scale=4, size=(ROWS, COLUMNS, CHANNELS))
    plain = reference_graph.computed(model.topology, weights, {"images": picture})[end]
    rows, columns, channels = plain.shape
    graph = graph_of(
        model.topology,
        weights,
        End("images", "in", (1, CHANNELS, ROWS, COLUMNS)),
        [End(end, "out", (1, channels, rows, columns))],
        name="test",
        note={"source": "a test"},
    )
    given = picture.transpose(2, 0, 1)[None].astype(np.float32)
    (found,) = opened(graph).run(["out"], {"in": given})
    return found[0].transpose(1, 2, 0), plain


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_computes_what_it_did(name: str) -> None:
    model = Model()
    model.picture()
    OPERATIONS[name](model)

    found, plain = answered(model)

    assert found.shape == plain.shape
    assert np.abs(plain).max() > 0.1
    assert np.allclose(found, plain, rtol=1e-4, atol=1e-4)


def inverted_residual() -> Model:
    """A block as MobileNetV3 has them, its nodes written in the wrong order."""
    model = Model()
    model.node("end", "Add", "narrowed", "images")
    narrow = (model.drawn("w3", 1, 1, 6, CHANNELS, half=True), model.drawn("b3", CHANNELS))
    model.node("narrowed", "_FusedConv2D", "swished", *narrow, **filtering(fused=("BiasAdd",)))
    model.node("swished", "Mul", "gate", "widened")
    model.node("gate", "Mul", "six", "sixth")
    model.node("six", "Relu6", "plus")
    model.node("plus", "Add", "widened", "three")
    model.weight("three", np.float32(3))
    model.weight("sixth", np.float32(1 / 6))
    wide = (model.drawn("w1", 1, 1, CHANNELS, 6, half=True), model.drawn("b1", 6))
    model.node("widened", "_FusedConv2D", "images", *wide, **filtering(fused=("BiasAdd",)))
    model.picture()
    return model


def test_operations_in_any_order_become_one_graph() -> None:
    found, plain = answered(inverted_residual())

    assert np.allclose(found, plain, rtol=1e-4, atol=1e-4)


def test_equal_models_give_equal_bytes() -> None:
    made = []
    for _ in range(2):
        model = inverted_residual()
        weights = read_weights(model.groups, model.data)
        ends = End("images", "in", (1, 3, 9, 12)), [End("end", "out", (1, 3, 9, 12))]
        made.append(graph_of(model.topology, weights, *ends, name="test", note={"a": "b"}))

    assert made[0] == made[1]


def test_numbers_of_half_precision_are_widened() -> None:
    model = Model()
    model.weight("half", np.array([[1.5, -0.25]], np.float32), half=True)
    model.weight("whole", np.array([3, -4], np.int32))

    found = read_weights(model.groups, model.data)

    assert found["half"].dtype == np.float32
    assert found["half"].tolist() == [[1.5, -0.25]]
    assert found["whole"].dtype == np.int32
    assert found["whole"].tolist() == [3, -4]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda data: data[:-1], "ends early, in b"),
        (lambda data: data + b"\0", "has 17 bytes, of which 16 are accounted for"),
    ],
)
def test_a_file_of_another_length_is_refused(
    change: Callable[[bytes], bytes], sentence: str
) -> None:
    model = Model()
    model.drawn("a", 2)
    model.drawn("b", 2)

    with pytest.raises(TensorsUnreadable, match=sentence):
        read_weights(model.groups, change(model.data))


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "a", "shape": [2], "dtype": "string"},
        {"name": "a", "shape": [-2, -3], "dtype": "float32"},
        {"name": "a", "shape": [2], "dtype": "float32", "quantization": {"dtype": "uint8"}},
    ],
)
def test_a_weight_of_another_kind_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(TensorsUnreadable, match="Weight a of the model is of a kind that is not"):
        read_weights([{"weights": [entry]}], bytes(64))


def unknown() -> dict[str, tuple[Making, str]]:
    def attr(**changed: Any) -> Making:
        def make(model: Model) -> str:
            weight = model.drawn("w", 3, 3, CHANNELS, 2)
            bias = model.drawn("b", 2)
            fused = filtering(fused=("BiasAdd",)) | changed
            return model.node("end", "_FusedConv2D", "images", weight, bias, **fused)

        return make

    def mean(axes: list[int], *, keep: bool) -> Making:
        def make(model: Model) -> str:
            over = model.weight("axes", np.array(axes, np.int32))
            return model.node("end", "Mean", "images", over, keep_dims={"b": keep})

        return make

    def joined(model: Model) -> str:
        return model.node("end", "ConcatV2", "images", "images", model.weight("axis", np.int32(1)))

    def round_about(model: Model) -> str:
        model.node("a", "Relu", "end")
        return model.node("end", "Relu", "a")

    def kernel(*shape: int) -> Making:
        return lambda model: model.node(
            "end", "Conv2D", "images", model.drawn("w", *shape), **filtering()
        )

    another = "in a way that is not known"
    return {
        "operation": (function("TopKV2"), "Node end of the model is TopKV2, which is new"),
        "dilation": (attr(dilations=numbers(1, 2, 2, 1)), another),
        "layout": (attr(data_format=text("NCHW")), another),
        "padding": (attr(padding=text("EXPLICIT")), another),
        "padding that is no word": (attr(padding={"s": "/w=="}), another),
        "strides": (attr(strides=numbers(1, 1)), another),
        "activation": (attr(fused_ops={"list": {"s": ["Qmlhc0FkZA==", "RWx1"]}}), another),
        "mean over one side": (mean([1], keep=True), another),
        "mean without its sides": (mean([1, 2], keep=False), another),
        "side by side in height": (joined, another),
        "circle": (round_about, "waits for itself"),
        "nowhere": (lambda model: model.node("end", "Relu", "gone"), "has no node gone"),
        "constant of two sides": (with_constant("Add", 4, 3), "Weight c of the model fits no"),
        "kernel of two sides": (kernel(3, 3), "Weight w of the model has not four dimensions"),
        "kernel that does not fit": (kernel(3, 3, 7, 2), "does not fit together"),
        "constant as a picture": (
            lambda model: model.node("end", "Relu", model.drawn("c", 3)),
            "Node c of the model is used as a picture but is none",
        ),
        "number that is none": (
            lambda model: model.node("end", "Add", "images", model.weight("c", np.int32(1))),
            "has no weight c of 32-bit floats",
        ),
    }


@pytest.mark.parametrize("name", unknown())
def test_what_is_not_known_is_refused_by_name(name: str) -> None:
    make, sentence = unknown()[name]
    model = Model()
    model.picture()
    make(model)
    ends = End("images", "in", (1, 3, 9, 12)), [End("end", "out", (1, 3, 9, 12))]

    with pytest.raises(TensorsUnreadable, match=sentence):
        graph_of(
            model.topology, read_weights(model.groups, model.data), *ends, name="test", note={}
        )
