"""The local provider with its detector: which model answers, what its boxes say."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from imaging.vision import DETECTOR_MODEL, MODEL, LocalProvider, detector_weights, local
from imaging.vision.detector import Detection
from imaging.vision.errors import AnswerMalformed
from providers.interface import Access, AnswerUnreadable, ProviderDown, RequestRefused
from tests.imaging.analysis.files import blob_picture
from tests.imaging.vision.models import bright_spots, spot
from tests.imaging.vision.packages import installed
from tests.imaging.vision.test_local import ask, sent
from tests.imaging.vision.test_species import Saying


class Seeing:
    """A detector that sees what it is told to."""

    def __init__(self, *birds: Detection, left_out: int = 0) -> None:
        self._answer = list(birds), left_out

    def birds(self, _: object) -> tuple[list[Detection], int]:
        return self._answer


def seeing(patch: pytest.MonkeyPatch, *birds: Detection, left_out: int = 0) -> None:
    """From now on this is what the detector sees."""
    found = Seeing(*birds, left_out=left_out)
    patch.setattr(detector_weights, "detector_in", lambda _: found)
    patch.setattr(detector_weights, "is_installed", lambda _: True)


@pytest.fixture
def with_detector(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The networks' directory with a small detector, to which bright spots are birds."""
    directory = tmp_path / "models"
    shutil.copytree(models, directory)
    return installed(monkeypatch, directory, bright_spots())


def test_an_installed_detector_is_asked_unless_another_model_is_named(with_detector: Path) -> None:
    provider = LocalProvider(with_detector)
    picture = sent(spot(300, 400, at=(100, 280)))

    best, named = ask(provider, picture, model=""), ask(provider, picture, model=DETECTOR_MODEL)
    figures = ask(provider, picture, model=MODEL)

    assert best == named
    assert (best.model, best.raw["model"]) == (DETECTOR_MODEL, DETECTOR_MODEL)
    assert (figures.model, figures.raw["model"]) == (MODEL, MODEL)
    assert "figures" in figures.raw


def test_a_bird_is_a_box_of_fractions_with_what_was_measured(with_detector: Path) -> None:
    answer = ask(LocalProvider(with_detector), sent(spot(300, 400, at=(100, 280))), model="")

    (box,) = answer.boxes
    assert (box.left + box.width / 2) * 400 == pytest.approx(280, abs=3)
    assert (box.top + box.height / 2) * 300 == pytest.approx(100, abs=3)
    assert (box.width, box.height) == pytest.approx((0.25, 0.25), abs=0.01)
    assert box.label == "bird"  # a spot is no species
    (measured,) = answer.raw["birds"]
    assert box.confidence == measured["score"]
    left, top, right, bottom = measured["box"]
    assert (right - left, bottom - top) == (pytest.approx(100, abs=3), pytest.approx(75, abs=3))
    assert set(measured) == {
        *("box", "score", "bird", "likeliest_bird", "likeliest_bird_probability")
    }
    assert json.loads(json.dumps(answer.raw)) == answer.raw


def test_where_no_bird_is_there_is_no_box(with_detector: Path) -> None:
    answer = ask(LocalProvider(with_detector), sent(np.zeros((200, 300, 3), np.uint8)), model="")

    assert (answer.boxes, answer.raw["birds"], answer.remarks) == ((), [], ())


def test_without_the_detector_figure_and_ground_answers(models: Path) -> None:
    answer = ask(LocalProvider(models), sent(blob_picture(200, 300)), model="")

    assert answer.model == MODEL
    assert len(answer.boxes) == 1


def test_who_asks_for_a_missing_detector_is_told_and_gets_nothing_else(models: Path) -> None:
    with pytest.raises(ProviderDown) as refusal:
        ask(LocalProvider(models), sent(blob_picture(200, 300)), model=DETECTOR_MODEL)

    assert str(refusal.value) == (
        "The detector is not installed here. Install it with: manage.py install_detector. "
        f"Or ask for {MODEL}, which needs none."
    )
    assert not refusal.value.may_be_billed


def test_a_damaged_detector_is_told_and_figures_can_be_asked_for(with_detector: Path) -> None:
    (with_detector / detector_weights.FILE_NAME).write_bytes(b"damaged")
    provider, picture = LocalProvider(with_detector), sent(blob_picture(200, 300))

    with pytest.raises(ProviderDown, match="is not the detector that was tested"):
        ask(provider, picture, model="")
    with pytest.raises(ProviderDown, match="is not the detector that was tested"):
        provider.check(Access())
    assert len(ask(provider, picture, model=MODEL).boxes) == 1


@pytest.mark.parametrize(
    ("said", "labels", "label", "confidence"),
    [
        ({130: 0.9}, (), "flamingo", 0.54),
        ({130: 0.9}, ("Goose", "Flamingo"), "Flamingo", 0.54),
        ({130: 0.9}, ("Bird", "Cat"), "Bird", 0.6),
        ({130: 0.9}, ("goose", "crane"), "", 0.6),
        ({130: 0.4, 131: 0.4}, (), "bird", 0.6),
        ({285: 0.9}, (), "bird", 0.6),
        ({285: 0.9}, ("flamingo",), "", 0.6),
    ],
)
def test_the_score_is_said_as_it_stands_and_a_species_only_where_it_is_likely(
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: dict[int, float],
    labels: tuple[str, ...],
    label: str,
    confidence: float,
) -> None:
    seeing(monkeypatch, Detection(0.1, 0.2, 0.5, 0.6, 0.6))
    monkeypatch.setattr(local, "network_in", lambda _: Saying(said))

    (box,) = ask(LocalProvider(models), sent(blob_picture()), model="", labels=labels).boxes

    assert box.label == label
    assert box.confidence == pytest.approx(confidence, abs=0.002)
    assert (box.left, box.top) == (0.1, 0.2)
    assert (box.width, box.height) == pytest.approx((0.4, 0.4))


@pytest.mark.parametrize(
    ("left_out", "remark"),
    [
        (1, "One more bird was left out; the 30 with the highest scores are kept."),
        (7, "7 more birds were left out; the 30 with the highest scores are kept."),
    ],
)
def test_what_is_left_out_is_said(
    models: Path, monkeypatch: pytest.MonkeyPatch, left_out: int, remark: str
) -> None:
    seeing(monkeypatch, Detection(0.1, 0.2, 0.5, 0.6, 0.6), left_out=left_out)

    answer = ask(LocalProvider(models), sent(blob_picture()), model="")

    assert answer.remarks == (remark,)
    assert answer.raw["left_out"] == left_out


@pytest.mark.parametrize(
    "edges", [(0, 0, 1, 1), (0.999, 0.999, 1, 1), (0.5, 0.5, 0.5 + 1e-9, 0.5 + 1e-9)]
)
def test_a_box_at_the_frame_or_smaller_than_a_pixel_is_looked_at(
    models: Path, monkeypatch: pytest.MonkeyPatch, edges: tuple[float, float, float, float]
) -> None:
    seeing(monkeypatch, Detection(*edges, score=0.5))

    answer = ask(LocalProvider(models), sent(blob_picture(200, 300)), model="")

    (measured,) = answer.raw["birds"]
    left, top, right, bottom = measured["box"]
    assert 0 <= left < right <= 300
    assert 0 <= top < bottom <= 200


def test_an_answer_that_holds_no_numbers_is_unreadable(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def birds(self, _: object) -> None:
            raise AnswerMalformed("The detector answered with numbers that are none.")

    seeing(monkeypatch)
    monkeypatch.setattr(detector_weights, "detector_in", lambda _: Broken())

    with pytest.raises(AnswerUnreadable, match="numbers that are none") as refusal:
        ask(LocalProvider(models), sent(blob_picture()), model="")
    assert not refusal.value.may_be_billed


def test_check_tells_of_both(with_detector: Path) -> None:
    assert LocalProvider(with_detector).check(Access()) == (
        f"{MODEL} is ready: figures of any kind, 59 birds by name. "
        f"{DETECTOR_MODEL} is ready: birds among things of other kinds."
    )


def test_another_model_is_refused_with_those_there_are(models: Path) -> None:
    with pytest.raises(RequestRefused, match=f"ask for {MODEL} or {DETECTOR_MODEL}"):
        ask(LocalProvider(models), sent(blob_picture()), model="yolo")


def test_a_reduced_picture_has_the_same_birds_as_a_small_one(with_detector: Path) -> None:
    provider, small = LocalProvider(with_detector), spot(300, 400, at=(100, 280))
    large = np.repeat(np.repeat(small, 8, axis=0), 8, axis=1)

    (box,) = ask(provider, sent(large, "JPEG"), model="").boxes
    (same,) = ask(provider, sent(small), model="").boxes

    assert math.dist((box.left, box.top), (same.left, same.top)) < 0.01
    assert math.dist((box.width, box.height), (same.width, same.height)) < 0.01
