"""The network in this process: loaded once, shared by all threads."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.vision.errors import WeightsMissing
from imaging.vision.network import CLASSES, EDGE, INPUT, OUTPUT
from imaging.vision.weights import network

Levels = NDArray[np.float32]

_loaded: dict[Path, Network] = {}
_loading = threading.Lock()


class Network:
    """EfficientNet-Lite0 on one thread of the processor; any number of threads may ask at once.

    It keeps no threads of its own, so a process that forks afterwards may go on using it.
    """

    def __init__(self, data: bytes) -> None:
        self._session = opened(data)

    def probabilities(self, picture: Levels) -> Levels:
        """One probability for each of the 1000 classes.

        ``picture`` is (3, 224, 224) float32, RGB, (value - 127) / 128.
        """
        if picture.shape != (3, EDGE, EDGE):
            raise ValueError(f"The picture is {picture.shape}; it must be (3, {EDGE}, {EDGE}).")
        answer = self._session.run([OUTPUT], {INPUT: picture[None]})
        scores: Levels = np.asarray(answer[0], np.float32).reshape(CLASSES)
        odds: Levels = np.exp(scores - scores.max())
        odds /= odds.sum()
        return odds


def network_in(directory: Path) -> Network:
    """The network whose file lies in ``directory``; loaded at the first call in a process.

    Raises `WeightsMissing`; a later call tries again.
    """
    directory = directory.resolve()
    with _loading:
        if directory not in _loaded:
            runtime()  # what is missing is told before anything is converted
            _loaded[directory] = Network(network(directory))
        return _loaded[directory]


def opened(data: bytes) -> Any:
    """A session over the bytes of an ONNX file, on one thread. Raises `WeightsMissing`."""
    package = runtime()
    options = package.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return package.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def runtime() -> Any:
    """The package onnxruntime, imported when it is first needed. Raises `WeightsMissing`."""
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise WeightsMissing(
            "The local provider runs on the package onnxruntime, which is not installed: "
            'pip install "lacuna[local]".'
        ) from error
