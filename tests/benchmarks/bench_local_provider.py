"""How well the local provider finds things, what its confidence means, and what it costs.

Fits the weights of `imaging.vision.certainty` on one set of scenes, prints them beside what is
published, and reports everything else on scenes that the fit has not seen.

A folder of photographs may be named: ``python -m tests.benchmarks.bench_local_provider FOLDER``,
where FOLDER/<name of a bird class>/ holds pictures of that bird, FOLDER/bird/ of birds of other
kinds and FOLDER/other/ of anything else. Nothing of it is published; its figures are printed.
"""

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

from imaging.analysis import Limits, Parameters, decode
from imaging.analysis.components import AREA, BOTTOM, LEFT, RIGHT, TOP, components
from imaging.analysis.team import team_of
from imaging.vision import LocalProvider
from imaging.vision.certainty import OFFSET, WEIGHTS, facts, fits
from imaging.vision.proposals import Proposal, Rules, propose
from imaging.vision.session import Network, network_in
from imaging.vision.species import BIRD, Seen, look
from providers.interface import Access, Prompt, Schema
from providers.interface import Picture as Sent
from tests.benchmarks.bench_segmentation import picture_of
from tests.benchmarks.harness import (
    Times,
    in_own_process,
    interleaved,
    peak_memory,
    publish,
    table,
)
from tests.benchmarks.scenes import Scene, large_scene, scene

Numbers = NDArray[np.float64]
Edges = tuple[int, int, int, int]

FITTED = range(800)
HELD_OUT = range(10_000, 10_400)
_ROUNDS = 15
_SIZE = (4000, 3000)
_CROPS = 30  # random squares of each photograph
_LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
_NO_PHOTOGRAPHS = {"multipage.tif", "multipage_rgb.tif", "no_time_for_that_tiny.gif", "logo.png"}

VARIANTS = {
    "as published": Rules(),
    "gaps stay open": Rules(closed=0.0),
    "boxes that touch are one": Rules(within=0.0001),
    "no box is part of another": Rules(within=1.0),
    "specks are things": Rules(speck=0.0002, least=0.0005),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One proposed box: whether it fits a true one, and what the network sees in it."""

    proposal: Proposal
    count: int
    fits: bool
    seen: Seen | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Scenes looked at: every box, and how many true ones there were and were found."""

    boxes: list[Judged]
    true: int
    found: int
    scenes: int

    @property
    def recall(self) -> float:
        """Share of the true boxes that were found, overlap one half or more."""
        return self.found / self.true

    @property
    def precision(self) -> float:
        """Share of the proposed boxes that fit one."""
        return self.found / len(self.boxes)


def main() -> None:
    """Fit, judge on held-out scenes and photographs, time, publish."""
    with TemporaryDirectory() as folder:
        models = Path(folder)
        network = network_in(models)
        fitted = outcome(map(scene, FITTED), Rules(), network)
        weights = fit(fitted.boxes)
        stands = "as published" if _published(weights) else "DIFFERS from certainty.py"
        print(f"weights: {np.round(weights, 3).tolist()}  {stands}", flush=True)
        scenes = [scene(seed) for seed in HELD_OUT]
        judged = {name: outcome(scenes, rules) for name, rules in VARIANTS.items()}
        held_out = outcome(scenes, Rules(), network)
        photographs = seen_in_photographs(network)
        _write_large(models / "large.jpg")
        costs = in_own_process("tests.benchmarks.bench_local_provider", "--cost", folder)
    publish(
        "local_provider",
        f"The local provider: {held_out.recall:.0%} of the figures found, "
        f"{costs['processor'] * 1e3:.0f} ms of processor time for 12 megapixels",
        "Boxes come from figure and ground, labels from EfficientNet-Lite0 with 59 birds among its "
        "thousand classes. A box fits when it overlaps a true one by half or more (intersection "
        "over union), each true one once.",
        "## Boxes",
        "The drawn scenes of docs/benchmarks/segmentation.md: 480 x 360 pixels, one to six shapes "
        "on plain, shaded and textured ground, contrast from hardly visible to strong, a quarter "
        f"of them free to leave the frame. Weights fitted on {len(FITTED)} scenes, the tables made "
        f"on {len(HELD_OUT)} others with {held_out.true} true boxes.",
        _recalls(judged),
        "## What the confidence of a box means",
        _calibration(held_out.boxes),
        "## Birds where there are none",
        _birds(fitted.boxes + held_out.boxes, photographs),
        "From the limit in force on, a bird is likelier than not; what a lower one would gain "
        "cannot be shown, as no photograph here shows a bird. How many birds are recognised, and "
        "how often by the right name, is therefore not measured on this page; nor is how often "
        "another animal is called a bird, but for one cat. Name a folder of photographs to measure "
        "both.",
        "## Cost",
        _cost(costs),
        "The time from beginning to end grows with the load of the machine, processor time hardly. "
        "The scenes are drawn, not photographed: a bird among leaves is harder than any of them.",
        packages=("numpy", "numba", "opencv-python-headless", "simplejpeg", "onnxruntime", "onnx"),
    )


def _write_large(file: Path) -> None:
    rgb, _ = large_scene(*_SIZE)
    done, encoded = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise RuntimeError("The picture could not be encoded.")
    file.write_bytes(encoded.tobytes())


def outcome(scenes: Iterable[Scene], rules: Rules, network: Network | None = None) -> Outcome:
    """Propose boxes on every scene and compare them with the truth; labels where asked for."""
    boxes: list[Judged] = []
    true = found = count = 0
    with team_of(1) as team:
        for one in scenes:
            count += 1
            proposals, _ = propose(picture_of(one.rgb), Parameters(), rules, team)
            truth = true_boxes(one.figure)
            hits = matched([proposal.box for proposal in proposals], truth)
            true, found = true + len(truth), found + sum(hits)
            for proposal, hit in zip(proposals, hits, strict=True):
                seen = look(network, one.rgb, proposal.box) if network else None
                boxes.append(Judged(proposal, len(proposals), hit, seen))
    return Outcome(boxes, true, found, count)


def true_boxes(figure: NDArray[np.uint8], least: float = 0.002) -> list[Edges]:
    """The boxes of a mask's figures of at least that share of the picture."""
    rows = components(figure).figures
    rows = rows[rows[:, AREA] >= least * figure.size]
    return [(int(r[LEFT]), int(r[TOP]), int(r[RIGHT]), int(r[BOTTOM])) for r in rows]


def matched(boxes: list[Edges], truth: list[Edges]) -> list[bool]:
    """Whether each box, in turn, fits a true one that none before it has taken."""
    free = list(truth)
    hits = []
    for box in boxes:
        best = max(free, key=lambda one: overlap(box, one), default=None)
        hit = best is not None and overlap(box, best) >= 0.5
        if hit and best is not None:
            free.remove(best)
        hits.append(hit)
    return hits


def overlap(a: Edges, b: Edges) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def fit(boxes: list[Judged], *, penalty: float = 1.0) -> Numbers:
    """Logistic regression by Newton's method: the offset, and a weight for each fact."""
    x = np.array([(1.0, *facts(one.proposal, one.count)) for one in boxes])
    y = np.array([one.fits for one in boxes], float)
    weights: Numbers = np.zeros(x.shape[1])
    ridge = penalty * np.eye(x.shape[1])
    ridge[0, 0] = 0
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ weights))
        step = np.linalg.solve((x.T * (p * (1 - p))) @ x + ridge, x.T @ (y - p) - ridge @ weights)
        weights = weights + step
    return weights


def _published(weights: Numbers) -> bool:
    return bool(np.allclose(weights, (OFFSET, *WEIGHTS), atol=0.002))


def seen_in_photographs(network: Network) -> list[Seen]:
    """What is seen in the photographs of the scikit-image wheel: their figures, and random squares.

    None of them shows a bird.
    """
    rng = np.random.default_rng(0)
    seen = []
    for file in sorted(Path(skimage.__file__).parent.glob("data/*.*")):
        if file.suffix not in {".png", ".jpg"} or file.name in _NO_PHOTOGRAPHS:
            continue
        with Image.open(file) as image:
            rgb = np.ascontiguousarray(np.asarray(image.convert("RGB")))
        rows, columns = rgb.shape[:2]
        with team_of(1) as team:
            boxes = [one.box for one in propose(picture_of(rgb), Parameters(), Rules(), team)[0]]
        for _ in range(_CROPS):
            side = int(min(rows, columns) * rng.uniform(0.2, 1))
            left, top = (int(rng.integers(size - side + 1)) for size in (columns, rows))
            boxes.append((left, top, left + side, top + side))
        seen += [look(network, rgb, box) for box in boxes]
    return seen


def _recalls(judged: dict[str, Outcome]) -> str:
    rows = [
        (
            name,
            f"{found.recall:.3f}",
            f"{found.precision:.3f}",
            f"{len(found.boxes) / found.scenes:.2f}",
        )
        for name, found in judged.items()
    ]
    return table(("rules", "recall", "precision", "boxes in a scene"), rows)


def _calibration(boxes: list[Judged]) -> str:
    said = np.array([fits(one.proposal, one.count) for one in boxes])
    was = np.array([one.fits for one in boxes], float)
    order = np.argsort(said, kind="stable")
    said, was = said[order], was[order]
    parts = list(zip(np.array_split(said, 15), np.array_split(was, 15), strict=True))
    error = sum(abs(s.mean() - w.mean()) * len(s) for s, w in parts) / len(said)
    rows = [
        (f"{s.min():.2f} to {s.max():.2f}", f"{s.mean():.3f}", f"{w.mean():.3f}", len(s))
        for s, w in zip(np.array_split(said, 8), np.array_split(was, 8), strict=True)
    ]
    head = (
        f"Expected calibration error {error:.3f} over 15 bins of equal size, Brier score "
        f"{((said - was) ** 2).mean():.3f} (a constant: {was.var():.3f})."
    )
    return f"{head}\n\n" + table(("said", "mean said", "share that fits", "boxes"), rows)


def _birds(boxes: list[Judged], photographs: list[Seen]) -> str:
    drawn = np.array([one.seen.bird for one in boxes if one.seen])
    real = np.array([one.bird for one in photographs])
    rows = [
        (
            f"{level:.2f}" + (" (in force)" if level == BIRD else ""),
            *(f"{int((a >= level).sum())} ({(a >= level).mean():.2%})" for a in (drawn, real)),
        )
        for level in _LEVELS
    ]
    head = (
        "The sum of the bird classes over figures that are no birds: all drawn scenes, those of "
        f"the fit too ({drawn.size} boxes, largest sum {drawn.max():.2f}), and figures and random "
        f"squares of the photographs in the scikit-image wheel ({real.size}, largest sum "
        f"{real.max():.2f})."
    )
    header = ("called a bird from", "drawn scenes", "photographs")
    return f"{head}\n\n" + table(header, rows)


def _cost(costs: dict[str, Any]) -> str:
    rows = [
        ("12 megapixel JPEG to answer, six boxes", str(Times(tuple(costs["annotate"])))),
        ("of processor time", f"{costs['processor'] * 1e3:.0f} ms"),
        ("of these: decode", str(Times(tuple(costs["decode"])))),
        ("of these: boxes", str(Times(tuple(costs["propose"])))),
        ("of these: one label (of six, two at once)", str(Times(tuple(costs["look"])))),
        ("loading the network, once for a process", f"{costs['loading'] * 1e3:.0f} ms"),
        ("largest resident size of the process", f"{costs['memory']:.0f} MB"),
    ]
    return table(("what", "median (range)"), rows)


def measure_cost(folder: Path) -> None:
    """The child: print seconds, processor time and memory of the whole way as JSON."""
    data = (folder / "large.jpg").read_bytes()
    provider, sent = LocalProvider(folder), Sent(data, "image/jpeg", *_SIZE)
    begin = time.perf_counter()
    provider.check(Access())
    loading = time.perf_counter() - begin

    def annotate() -> object:
        return provider.annotate(Access(), "", sent, Prompt("", ""), Schema("", {}))

    annotate()
    begin = time.process_time()
    whole = interleaved({"annotate": annotate}, rounds=_ROUNDS, warm_ups=0)
    used = (time.process_time() - begin) / _ROUNDS
    picture = decode(data, limits=Limits(), working_edge=1024)
    network = network_in(folder)
    with team_of(2) as team:
        boxes = propose(picture, Parameters(), Rules(), team)[0]
        parts = interleaved(
            {
                "decode": lambda: decode(data, limits=Limits(), working_edge=1024),
                "propose": lambda: propose(picture, Parameters(), Rules(), team),
                "look": lambda: look(network, picture.rgb, boxes[0].box),
            },
            rounds=_ROUNDS,
        )
    found = {name: one.rounds for name, one in (whole | parts).items()}
    print(json.dumps(found | {"loading": loading, "processor": used, "memory": peak_memory()}))


def judge_photographs(folder: Path) -> None:
    """Print what is made of a folder's photographs; see the top of this file."""
    with TemporaryDirectory() as models:
        network = network_in(Path(models))
        rows = []
        for kind in sorted(one for one in folder.iterdir() if one.is_dir()):
            seen = [_likeliest(file, network) for file in sorted(kind.iterdir())]
            labels = [one.label()[0] for one in seen]
            right = sum(label == kind.name for label in labels)
            birds = sum(label != "" for label in labels)
            sums = f"{np.median([one.bird for one in seen]):.2f}" if seen else "-"
            rows.append((kind.name, len(seen), sums, birds, right))
    header = ("folder", "photographs", "median sum of birds", "called a bird", "by this name")
    print(table(header, rows))


def _likeliest(file: Path, network: Network) -> Seen:
    """Of a photograph's figures, the one that is likeliest a bird."""
    picture = decode(file, limits=Limits(), working_edge=1024)
    with team_of(1) as team:
        proposals, _ = propose(picture, Parameters(), Rules(), team)
    seen = [look(network, picture.rgb, one.box) for one in proposals]
    return max(seen, key=lambda one: one.bird, default=Seen(0.0, "", 0.0))


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--cost":
        measure_cost(Path(sys.argv[2]))
    elif len(sys.argv) == 2:
        judge_photographs(Path(sys.argv[1]))
    else:
        main()
