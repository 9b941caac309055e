"""What a part of a picture is called, and when nothing is claimed."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.vision.birds import BIRDS
from imaging.vision.network import CLASSES
from imaging.vision.session import Levels, Network
from imaging.vision.species import Seen, crop, levels, look


class Saying(Network):
    """A network that always says the same, and keeps what it was shown."""

    def __init__(self, said: dict[int, float]) -> None:
        rest = (1 - sum(said.values())) / (CLASSES - len(said))
        self.answer = np.full(CLASSES, rest, np.float32)
        for number, value in said.items():
            self.answer[number] = value
        self.shown: list[Levels] = []

    def probabilities(self, picture: Levels) -> Levels:
        self.shown.append(picture)
        return self.answer


def test_the_birds_are_three_runs_of_classes_with_names_of_their_own() -> None:
    assert list(BIRDS) == [*range(7, 25), *range(80, 101), *range(127, 147)]
    assert len(set(BIRDS.values())) == 59
    assert all(name == name.strip() != "" for name in BIRDS.values())


@pytest.mark.parametrize(
    ("said", "label", "likely"),
    [
        ({130: 0.9}, "flamingo", 0.9),
        ({22: 0.55, 23: 0.3}, "bald eagle", 0.55),
        ({22: 0.45, 23: 0.4}, "bird", 0.85),
        ({22: 0.04, 23: 0.04, 285: 0.8}, "", 1.0),
        ({285: 0.99}, "", 1.0),
    ],
    ids=["sure", "likely", "one of two", "hardly a bird", "a cat"],
)
def test_a_label_claims_no_more_than_is_seen(
    said: dict[int, float], label: str, likely: float
) -> None:
    seen = look(Saying(said), np.zeros((50, 80, 3), np.uint8), (10, 10, 40, 30))

    named, probability = seen.label()
    assert named == label
    assert probability == pytest.approx(likely, abs=0.02)


def test_the_sum_of_the_birds_is_a_probability() -> None:
    seen = look(Saying(dict.fromkeys(BIRDS, 1 / 59)), np.zeros((9, 9, 3), np.uint8), (0, 0, 9, 9))

    assert 0.99 < seen.bird <= 1.0
    assert Seen(1.0, "jay", 0.1).label() == ("bird", 1.0)


def test_a_crop_is_a_square_around_the_box_with_a_margin() -> None:
    rgb = np.zeros((200, 300, 3), np.uint8)
    rgb[80:120, 100:160] = 255

    square = crop(rgb, (100, 80, 160, 120))

    assert square.shape == (69, 69, 3)
    lit = np.argwhere(square[..., 0] == 255)
    assert lit.min(axis=0).tolist() == [15, 5]
    assert lit.max(axis=0).tolist() == [54, 64]


@pytest.mark.parametrize(
    "box", [(0, 0, 40, 20), (260, 180, 300, 200), (0, 0, 300, 200), (0, 90, 1, 91)]
)
def test_beyond_the_frame_the_edge_is_repeated(box: tuple[int, int, int, int]) -> None:
    ys, xs = np.mgrid[:200, :300]
    rgb = np.stack([ys, xs // 2, ys], axis=-1).astype(np.uint8)

    square = crop(rgb, box)

    side = square.shape[0]
    assert square.shape == (side, side, 3)
    left, top = (box[0] + box[2] - side) // 2, (box[1] + box[3] - side) // 2
    rows = np.clip(np.arange(top, top + side), 0, 199)
    columns = np.clip(np.arange(left, left + side), 0, 299)
    assert np.array_equal(square, rgb[rows][:, columns])


@pytest.mark.parametrize("side", [1, 2, 100, 224, 900])
def test_every_square_becomes_what_the_network_takes(side: int) -> None:
    found = levels(np.full((side, side, 3), (0, 127, 255), np.uint8))

    assert found.shape == (3, 224, 224)
    assert found.dtype == np.float32
    assert np.allclose(found.mean(axis=(1, 2)), [-127 / 128, 0, 1], atol=1e-4)
