"""An analysis as a whole: what it finds, how sure it is, and that it is always the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging.analysis import (
    Analysis,
    Examination,
    ImageRefused,
    Limits,
    Parameters,
    analyse,
    decode,
    examine,
    render_layer_ground,
    render_layer_outline,
    render_preview,
    render_thumbnail,
    render_visualization,
    warm_up,
)
from imaging.analysis.calibration import KNOTS, calibrated
from imaging.analysis.decoding import Picture
from tests.imaging.analysis.files import Bytes, blob_picture, encoded

LIMITS = Limits()


def picture_of(rgb: Bytes) -> Picture:
    """An array, through a PNG, as a picture."""
    return decode(encoded(rgb), limits=LIMITS, working_edge=2048)


def analysis_of(rgb: Bytes, **parameters: Any) -> Analysis:
    """The analysis of an array."""
    return analyse(picture_of(rgb), Parameters(**parameters))


def codes(found: Analysis) -> list[str]:
    """The codes of its anomalies."""
    return [entry["code"] for entry in found.anomalies]


def disc(rows: int, columns: int, y: float, x: float, radius: float) -> Bytes:
    """Dark disc on a light ground."""
    ys, xs = np.mgrid[:rows, :columns]
    inside = np.hypot(ys - y, xs - x) < radius
    grey = np.where(inside, 50, 210).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.mark.parametrize("method", ["mbd", "luma"])
def test_a_disc_is_found_where_it_is(method: str) -> None:
    found = analysis_of(disc(200, 300, 90, 120, 50), method=method, blur=5)

    data = found.negative_space_data
    assert data["figure_count"] == 1
    assert data["figures"][0]["centroid"] == pytest.approx({"x": 120.5, "y": 90.5}, abs=0.3)
    assert data["figures"][0]["area"] == pytest.approx(np.pi * 50**2, rel=0.04)
    assert data["void_ratio"] == pytest.approx(1 - np.pi * 50**2 / 60_000, abs=0.01)
    assert found.confidence_score > 0.9
    assert codes(found) == []


def test_a_figure_that_leaves_the_frame_is_figure_up_to_the_frame() -> None:
    found = analysis_of(disc(200, 300, 100, 290, 60))

    assert found.mask[100, 299] == 1
    assert found.negative_space_data["margins"]["right"] == 0
    assert found.quality_metrics["border_figure"] == pytest.approx(120 / 996, abs=0.02)


def test_with_the_whole_frame_as_ground_such_a_figure_is_lost_at_the_frame() -> None:
    found = analysis_of(disc(200, 300, 100, 290, 60), max_frame_figure=0.0)

    assert found.mask[100, 299] == 0


def test_the_inside_of_a_ring_is_a_hole() -> None:
    ring = disc(240, 240, 120, 120, 80)
    ring[disc(240, 240, 120, 120, 45) == 50] = 210
    opened = analysis_of(ring).negative_space_data
    closed = analysis_of(ring, hole_tolerance=0.0).negative_space_data

    assert (opened["figure_count"], opened["hole_count"], opened["euler"]) == (1, 1, 0)
    assert opened["enclosed_ratio"] == pytest.approx(np.pi * 45**2 / 240**2, rel=0.1)
    assert closed["hole_count"] == 0


def test_alpha_is_the_figure_when_asked_for() -> None:
    rgba = np.full((60, 80, 4), 255, np.uint8)
    rgba[..., 3] = 0
    rgba[20:40, 30:60] = (90, 120, 30, 255)
    found = analyse(picture_of(rgba), Parameters(method="alpha"))

    assert found.negative_space_data["figure_box"] == {"x": 30, "y": 20, "w": 30, "h": 20}
    assert found.confidence_score == 1.0
    assert found.quality_metrics["clipped"] == 0


def test_alpha_is_refused_for_a_picture_without() -> None:
    with pytest.raises(ImageRefused, match="no transparency") as caught:
        analysis_of(blob_picture(), method="alpha")

    assert caught.value.code == "no_alpha"


@pytest.mark.parametrize("method", ["mbd", "luma"])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 30_000), (30_000, 1), (3, 500), (200, 200)])
def test_a_constant_picture_of_any_shape_has_no_figure(size: tuple[int, int], method: str) -> None:
    found = analysis_of(np.full((*size, 3), 120, np.uint8), method=method)

    assert found.negative_space_data["figure_count"] == 0
    assert found.negative_space_data["void_ratio"] == 1
    assert found.negative_space_data["margins"] is None
    assert found.confidence_score == 0
    assert {"no_figure", "low_contrast", "blurred"} <= set(codes(found))
    assert ("extreme_aspect" in codes(found)) == (max(size) > 4 * min(size))


@pytest.mark.parametrize("size", [(1, 2), (2, 2), (3, 3), (1, 700), (5, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_tiny_pictures_of_noise_give_a_valid_result(size: tuple[int, int], seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    for method in ("mbd", "luma"):
        found = analysis_of(rgb, method=method)

        assert 0 <= found.confidence_score <= 1
        assert found.mask.shape == size
        json.dumps(found.negative_space_data, allow_nan=False)


def test_a_picture_that_is_all_figure_has_no_ground_and_says_so() -> None:
    rgba = np.full((40, 50, 4), 200, np.uint8)
    rgba[..., 3] = 255
    found = analyse(picture_of(rgba), Parameters(method="alpha"))

    data = found.negative_space_data
    assert "no_ground" in codes(found)
    assert (data["void_ratio"], data["largest_empty_circle"]) == (0, None)
    assert (data["largest_empty_rect"], data["clearance"], data["lacunarity"]) == (None, None, [])
    assert data["margins"]["top"] == 0


def test_each_anomaly_states_its_value_and_the_limit_it_passed() -> None:
    rng = np.random.default_rng(2)
    rgb = np.where(rng.random((60, 400, 1)) < 0.5, 0, 255).astype(np.uint8).repeat(3, axis=2)
    found = analysis_of(rgb, min_stability=1.0, min_contrast=765.0, min_sharpness=1e6)

    assert {"clipped", "extreme_aspect", "blurred", "low_contrast"} <= set(codes(found))
    for entry in found.anomalies:
        assert set(entry) == {"code", "severity", "value", "limit"}
        assert entry["severity"] in ("info", "warning", "critical")
    by_code = {entry["code"]: entry for entry in found.anomalies}
    assert by_code["clipped"]["value"] > by_code["clipped"]["limit"] == 0.05
    assert by_code["extreme_aspect"]["value"] == pytest.approx(400 / 60)


def test_a_figure_along_much_of_the_frame_lowers_confidence_and_is_reported() -> None:
    leaving = np.full((180, 240, 3), 210, np.uint8)
    leaving[60:, :90] = 50
    inside = disc(180, 240, 90, 120, 50)

    assert "figure_on_border" in codes(analysis_of(leaving))
    assert "figure_on_border" not in codes(analysis_of(inside))
    assert analysis_of(leaving).confidence_score < analysis_of(inside).confidence_score


def test_a_frame_too_varied_to_be_ground_is_reported_although_it_was_taken_for_it() -> None:
    rng = np.random.default_rng(4)
    patches = rng.integers(0, 256, (9, 12, 3)).astype(np.uint8)
    busy = np.kron(patches, np.ones((20, 20, 1), np.uint8)).astype(np.uint8)
    found = analysis_of(busy, min_frame_separability=1.0)

    assert found.mask[0].max() == 0
    assert found.quality_metrics["border_figure"] > 0.45
    assert "figure_on_border" in codes(found)


def test_results_are_plain_json_without_numpy_or_nan() -> None:
    found = analysis_of(blob_picture())
    document = [found.negative_space_data, found.quality_metrics, found.anomalies]

    check_all(document)
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def check_all(value: Any) -> None:
    """Every value inside is of a plain type."""
    assert type(value) in (dict, list, str, int, float, bool, type(None)), value
    if isinstance(value, dict):
        for inner in value.values():
            check_all(inner)
    elif isinstance(value, list):
        for inner in value:
            check_all(inner)


def assert_same(one: Examination, other: Examination) -> None:
    """Two examinations are equal, byte for byte."""
    assert one.analysis.negative_space_data == other.analysis.negative_space_data
    assert one.analysis.quality_metrics == other.analysis.quality_metrics
    assert one.analysis.anomalies == other.analysis.anomalies
    assert one.analysis.confidence_score == other.analysis.confidence_score
    assert np.array_equal(one.analysis.mask, other.analysis.mask)
    for name in ("preview", "thumbnail", "visualization", "layer_ground", "layer_outline"):
        assert getattr(one, name) == getattr(other, name), name
    assert (one.perceptual_hash, one.facts) == (other.perceptual_hash, other.facts)


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
def test_runs_and_threads_change_no_figure_and_no_byte(name: str) -> None:
    rng = np.random.default_rng(1)
    rgb = blob_picture(700, 1100) + rng.integers(0, 20, (700, 1100, 1)).astype(np.uint8)
    data = encoded(rgb, name)
    runs = [examine(data, Parameters(), limits=LIMITS, threads=n) for n in (1, 1, 4, 4)]

    for run in runs[1:]:
        assert_same(runs[0], run)


def test_examining_gives_what_the_single_functions_give() -> None:
    data = encoded(blob_picture(400, 600))
    whole = examine(data, Parameters(), limits=LIMITS)
    picture = decode(data, limits=LIMITS, working_edge=2048)
    analysis = analyse(picture, Parameters(), threads=1)

    assert whole.analysis.negative_space_data == analysis.negative_space_data
    assert whole.preview == render_preview(picture)
    assert whole.thumbnail == render_thumbnail(picture)
    assert whole.visualization == render_visualization(picture, analysis)
    assert whole.layer_ground == render_layer_ground(analysis)
    assert whole.layer_outline == render_layer_outline(analysis)


def test_no_thread_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="threads is 0"):
        analyse(picture_of(blob_picture()), Parameters(), threads=0)


@pytest.mark.parametrize("method", KNOTS)
def test_the_calibration_rises_from_nothing_and_stays_a_share(method: str) -> None:
    values = [calibrated(i / 200, KNOTS[method]) for i in range(-20, 221)]

    assert values == sorted(values)
    assert values[0] == 0
    assert values[-1] <= 1


def test_the_working_scale_hardly_moves_the_figures() -> None:
    data = encoded(blob_picture(720, 1120))
    found = {}
    for edge in (None, 560):
        parameters = Parameters(working_edge=edge, method="luma", blur=3)
        picture = decode(data, limits=LIMITS, working_edge=edge)
        found[edge] = analyse(picture, parameters).negative_space_data

    exact, reduced = found[None], found[560]
    assert reduced["size"]["factor"] == 2
    assert reduced["void_ratio"] == pytest.approx(exact["void_ratio"], abs=0.002)
    assert reduced["largest_empty_circle"]["r"] == pytest.approx(
        exact["largest_empty_circle"]["r"], rel=0.02
    )


def test_warming_up_compiles_every_kernel_that_a_job_will_need() -> None:
    data = encoded(blob_picture(300, 420), "JPEG")
    warm_up()
    before = compiled()
    examine(data, Parameters(), limits=LIMITS)
    examine(data, Parameters(method="luma"), limits=LIMITS)

    assert before
    assert compiled() == before


def compiled() -> dict[str, int]:
    """How many versions of each kernel are compiled in this process."""
    return {
        f"{module}.{name}": len(kernel.signatures)
        for module in sorted(sys.modules)
        if module.startswith("imaging.analysis.")
        for name, kernel in vars(sys.modules[module]).items()
        if hasattr(kernel, "signatures")
    }


def test_the_analysis_runs_without_django() -> None:
    program = (
        "import sys, imaging.analysis\n"
        "known = [name for name in sys.modules if name.split('.')[0] in ('django', 'psycopg')]\n"
        "print(known)\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
