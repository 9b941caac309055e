"""A 48-megapixel JPEG, from bytes to everything that is stored of it, and the memory it takes."""

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from imaging.analysis import (
    Limits,
    Parameters,
    analyse,
    decode,
    examine,
    perceptual_hash,
    render_layer_ground,
    render_layer_outline,
    render_preview,
    render_thumbnail,
    render_visualization,
    warm_up,
)
from tests.benchmarks.harness import (
    Times,
    in_own_process,
    interleaved,
    peak_memory,
    publish,
    table,
)
from tests.benchmarks.scenes import large_scene

_ROUNDS = 15
_SIZE = (8000, 6000)


def main() -> None:
    """Measure the whole way in a process of its own, then the parts, then the cost of the scale."""
    rgb, _ = large_scene(*_SIZE)
    done, encoded = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise RuntimeError("The picture could not be encoded.")
    del rgb
    with TemporaryDirectory() as folder:
        path = Path(folder) / "large.jpg"
        path.write_bytes(encoded.tobytes())
        whole = [
            in_own_process("tests.benchmarks.bench_large_image", str(path), str(threads))
            for threads in (1, 2)
        ]
        data = path.read_bytes()
    two = Times(tuple(whole[1]["seconds"]))
    publish(
        "large_image",
        f"A 48-megapixel photograph: {two.median * 1e3:.0f} ms and {whole[1]['memory']:.0f} MB",
        f"JPEG of {_SIZE[0]} x {_SIZE[1]} pixels, quality 90, {len(data) / 1e6:.1f} MB, from bytes "
        "to analysis, visualization, preview, thumbnail, both layers and perceptual hash. Memory "
        "is the peak resident size above that of the warm, idle process, in a process of its own.",
        table(
            ("threads", "whole way", "processor time", "memory above idle"),
            [
                (
                    threads,
                    str(Times(tuple(found["seconds"]))),
                    f"{found['processor'] * 1e3:.0f} ms",
                    f"{found['memory']:.0f} MB (idle {found['idle']:.0f} MB)",
                )
                for threads, found in zip((1, 2), whole, strict=True)
            ],
        ),
        "## Its parts, one after the other",
        _parts(data),
        "## What the working scale costs",
        _scales(data),
        packages=("numpy", "numba", "opencv-python-headless", "simplejpeg", "pillow"),
    )


def measure_whole(path: str, threads: int) -> None:
    """The child: print seconds, processor time and memory of the whole way as JSON."""
    data = Path(path).read_bytes()
    parameters, limits = Parameters(), Limits()
    warm_up()
    idle = peak_memory()
    examine(data, parameters, limits=limits, threads=threads)
    begin = time.process_time()
    times = interleaved(
        {"whole": lambda: examine(data, parameters, limits=limits, threads=threads)},
        rounds=_ROUNDS,
        warm_ups=0,
    )
    used = (time.process_time() - begin) / _ROUNDS
    print(
        json.dumps(
            {
                "seconds": times["whole"].rounds,
                "processor": used,
                "idle": idle,
                "memory": peak_memory() - idle,
            }
        )
    )


def _parts(data: bytes) -> str:
    warm_up()
    parameters = Parameters()
    picture = decode(data, limits=Limits(), working_edge=parameters.working_edge)
    analysis = analyse(picture, parameters)
    times = interleaved(
        {
            "decode": lambda: decode(data, limits=Limits(), working_edge=2048),
            "analyse, 2 threads": lambda: analyse(picture, parameters),
            "visualization": lambda: render_visualization(picture, analysis),
            "preview": lambda: render_preview(picture),
            "thumbnail": lambda: render_thumbnail(picture),
            "layer: ground": lambda: render_layer_ground(analysis),
            "layer: outline": lambda: render_layer_outline(analysis),
            "perceptual hash": lambda: perceptual_hash(picture),
        },
        rounds=_ROUNDS,
    )
    return table(("part", "median (range)"), [(name, str(time)) for name, time in times.items()])


def _scales(data: bytes) -> str:
    """Figures at the working scale against every pixel, luma mask (the same at any scale)."""
    rows = []
    exact = None
    for edge in (None, 4096, 2048, 1024):
        parameters = Parameters(method="luma", working_edge=edge)
        begin = time.perf_counter()
        picture = decode(data, limits=Limits(), working_edge=edge)
        found = analyse(picture, parameters).negative_space_data
        seconds = time.perf_counter() - begin
        exact = exact or found
        radius = found["largest_empty_circle"]["r"] / exact["largest_empty_circle"]["r"] - 1
        area = found["largest_empty_rect"]["area_ratio"] / exact["largest_empty_rect"]["area_ratio"]
        rows.append(
            (
                "every pixel" if edge is None else f"1/{picture.factor}",
                f"{seconds * 1e3:.0f} ms",
                f"{found['void_ratio'] - exact['void_ratio']:+.5f}",
                f"{radius * 100:+.2f} %",
                f"{(area - 1) * 100:+.2f} %",
                f"{found['figure_count']} / {found['hole_count']}",
            )
        )
    header = ("scale", "decode and analyse", "void ratio", "circle", "rectangle", "figures / holes")
    return table(header, rows)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure_whole(sys.argv[1], int(sys.argv[2]))
    else:
        main()
