"""How often the local provider's detector sees birds where there are none, and what it costs.

Needs the detector's package: DETECTOR_SOURCE names its archive, which
``npm pack @vladmandic/human@3.3.6`` makes. Without it nothing is measured, and the page stays.

A folder of photographs may be named, as for bench_local_provider; its figures are printed, and
nothing of it is published: ``python -m tests.benchmarks.bench_local_detector FOLDER``.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

from imaging.analysis import Limits, decode
from imaging.vision import DETECTOR_MODEL, MODEL, LocalProvider, detector_weights
from imaging.vision.detector import BIRD, LEAST, Detector, birds_of, levels
from imaging.vision.session import network_in
from providers.interface import Access, Prompt, Schema
from providers.interface import Picture as Sent
from tests.benchmarks.bench_local_provider import (
    _NO_PHOTOGRAPHS,
    _SIZE,
    HELD_OUT,
    _write_large,
)
from tests.benchmarks.harness import (
    Times,
    in_own_process,
    interleaved,
    peak_memory,
    publish,
    table,
)
from tests.benchmarks.scenes import scene

Bytes = NDArray[np.uint8]

_ROUNDS = 15
_CROPS = 6  # random squares of each photograph
_LEVELS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
_NAME = "tests.benchmarks.bench_local_detector"


def main(archive: Path) -> None:
    """Make the detector, look where there are no birds, time, publish."""
    with TemporaryDirectory() as folder:
        models = Path(folder)
        network_in(models)
        begin = time.perf_counter()
        made = detector_weights.made_of(archive)
        seconds = time.perf_counter() - begin
        detector_weights.install(models, made)
        finder = detector_weights.detector_in(models)
        drawn = [_highest(finder, scene(seed).rgb) for seed in HELD_OUT]
        real = [_highest(finder, rgb) for rgb in _photographs()]
        _write_large(models / "large.jpg")
        costs = {
            model: in_own_process(_NAME, "--cost", folder, model)
            for model in (DETECTOR_MODEL, MODEL)  # the second removes the detector
        }
    new = costs[DETECTOR_MODEL]
    publish(
        "local_detector",
        f"The local provider's detector: {new['processor'] * 1e3:.0f} ms of processor time for 12 "
        f"megapixels, {new['memory']:.0f} MB",
        "Boxes come from CenterNet with MobileNetV3, trained on COCO, as `manage.py "
        "install_detector` makes it. The default, beside it, takes its boxes from figure and "
        "ground ([measured](local_provider.md)).",
        "## Birds where there are none",
        _false_birds(drawn, real),
        "How many birds are found is not measured on this page: no photograph of the packages that "
        "it stands on shows one. Name a folder of photographs to measure it.",
        "## Cost",
        _cost(costs),
        f"Making the network of the archive, checks and known answer included, took {seconds:.1f} "
        f"s; its file has {len(made.onnx) / 1e6:.1f} MB. The picture holds figures but no birds: "
        "the default names six boxes, the detector none; a name costs as much as on the page of "
        "the default. DETECTOR_SOURCE names the archive. The time from beginning to end grows with "
        "the load of the machine, processor time hardly.",
        packages=("numpy", "opencv-python-headless", "simplejpeg", "onnxruntime", "onnx"),
    )


def _highest(finder: Detector, rgb: Bytes) -> tuple[float, float]:
    """The highest peak that could be a bird: among birds alone, and where no other is higher."""
    scores, reach = finder.maps(levels(rgb))
    kept, _ = birds_of(scores, reach, least=0.01)
    return float(scores[BIRD].max()), max((one.score for one in kept), default=0.0)


def _photographs() -> Iterator[Bytes]:
    """The photographs of the scikit-image wheel, whole and in random squares; none has a bird."""
    rng = np.random.default_rng(0)
    for file in sorted(Path(skimage.__file__).parent.glob("data/*.*")):
        if file.suffix not in {".png", ".jpg"} or file.name in _NO_PHOTOGRAPHS:
            continue
        with Image.open(file) as image:
            rgb = np.ascontiguousarray(np.asarray(image.convert("RGB")))
        yield rgb
        rows, columns = rgb.shape[:2]
        for _ in range(_CROPS):
            side = int(min(rows, columns) * rng.uniform(0.2, 1))
            left, top = (int(rng.integers(size - side + 1)) for size in (columns, rows))
            yield np.ascontiguousarray(rgb[top : top + side, left : left + side])


def _false_birds(drawn: list[tuple[float, float]], real: list[tuple[float, float]]) -> str:
    columns = [np.array(one) for seen in (drawn, real) for one in zip(*seen, strict=True)]
    rows = [
        (
            f"{level:.2f}" + (" (in force)" if level == LEAST else ""),
            *(f"{int((a >= level).sum())} ({(a >= level).mean():.2%})" for a in columns),
        )
        for level in _LEVELS
    ]
    head = (
        f"Pictures in which at least one bird is seen: {len(drawn)} drawn scenes (highest score "
        f"{columns[1].max():.2f}), and {len(real)} photographs and random squares of them, from "
        f"the scikit-image wheel ({columns[3].max():.2f}). A peak counts only where no other of "
        "the 80 classes is higher; the columns called alone leave that out."
    )
    header = ("score from", "drawn, alone", "drawn", "photographs, alone", "photographs")
    return f"{head}\n\n" + table(header, rows)


def _cost(costs: dict[str, dict[str, Any]]) -> str:
    old, new = costs[MODEL], costs[DETECTOR_MODEL]

    def both(name: str, kind: str) -> tuple[str, str, str]:
        one, other = (Times(tuple(found[kind])) for found in (old, new))
        return name, str(one), str(other)

    rows = [
        both("12 megapixel JPEG to answer", "annotate"),
        (
            "of processor time",
            f"{old['processor'] * 1e3:.0f} ms",
            f"{new['processor'] * 1e3:.0f} ms ({new['processor'] / old['processor']:.2f} times)",
        ),
        ("of these: the detector", "-", str(Times(tuple(new["detector"])))),
        (
            "loading, once for a process",
            f"{old['loading'] * 1e3:.0f} ms",
            f"{new['loading'] * 1e3:.0f} ms",
        ),
        ("largest resident size", f"{old['memory']:.0f} MB", f"{new['memory']:.0f} MB"),
    ]
    return table(("what", "figure and ground", "detector"), rows)


def measure_cost(folder: Path, model: str) -> None:
    """The child: print seconds, processor time and memory of the whole way as JSON."""
    if model == MODEL:
        detector_weights.remove(folder)
    data = (folder / "large.jpg").read_bytes()
    provider, sent = LocalProvider(folder), Sent(data, "image/jpeg", *_SIZE)
    begin = time.perf_counter()
    provider.check(Access())
    loading = time.perf_counter() - begin

    def annotate() -> object:
        return provider.annotate(Access(), model, sent, Prompt("", ""), Schema("", {}))

    annotate()
    begin = time.process_time()
    whole = interleaved({"annotate": annotate}, rounds=_ROUNDS, warm_ups=0)
    used = (time.process_time() - begin) / _ROUNDS
    found = {name: one.rounds for name, one in whole.items()}
    memory = peak_memory()
    if model == DETECTOR_MODEL:
        rgb = decode(data, limits=Limits(), working_edge=1024).rgb
        finder = detector_weights.detector_in(folder)
        parts = interleaved({"detector": lambda: finder.birds(rgb)}, rounds=_ROUNDS)
        found |= {name: one.rounds for name, one in parts.items()}
    print(json.dumps(found | {"loading": loading, "processor": used, "memory": memory}))


def judge_photographs(archive: Path, folder: Path) -> None:
    """Print what the detector makes of a folder's photographs."""
    finder = Detector(detector_weights.made_of(archive).onnx)
    rows = []
    for kind in sorted(one for one in folder.iterdir() if one.is_dir()):
        seen = [
            _highest(finder, decode(file, limits=Limits(), working_edge=1024).rgb)[1]
            for file in sorted(kind.iterdir())
        ]
        counts = [sum(score >= level for score in seen) for level in _LEVELS]
        rows.append((kind.name, len(seen), *counts))
    print(table(("folder", "photographs", *(f"bird from {one}" for one in _LEVELS)), rows))


if __name__ == "__main__":
    source = os.environ.get("DETECTOR_SOURCE", "")
    if len(sys.argv) == 4 and sys.argv[1] == "--cost":
        measure_cost(Path(sys.argv[2]), sys.argv[3])
    elif not Path(source).is_file():
        print("Not measured: DETECTOR_SOURCE does not name the detector's archive.")
    elif len(sys.argv) == 2:
        judge_photographs(Path(source), Path(sys.argv[1]))
    else:
        main(Path(source))
