"""What goes out comes in again, in each format and through all of them."""

from __future__ import annotations

import io
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.exchange import numbers
from annotations.exchange.formats import FORMATS
from annotations.exchange.records import MILLION, Box, ImageKey, Picture
from tests.annotations.exchange import drawing
from tests.annotations.exchange.drawing import BIRD, REVIEWED, image, read, written

ALL = [Picture(image("empty.jpg")), Picture(image(), (BIRD, REVIEWED, BIRD))]
_few = settings(max_examples=40, deadline=None)


@pytest.mark.parametrize("kind", FORMATS)
def test_an_example_comes_back_whole(kind: str) -> None:
    assert read(kind, written(kind, ALL)) == ALL


@pytest.mark.parametrize("kind", FORMATS)
@given(pictures=drawing.pictures())
@_few
def test_whatever_is_written_is_read_and_written_the_same_to_the_byte(
    kind: str, pictures: list[Picture]
) -> None:
    data = written(kind, pictures)
    found = read(kind, data)

    assert found == pictures
    assert written(kind, found) == data


@given(pictures=drawing.pictures())
@_few
def test_through_all_formats_nothing_is_lost(pictures: list[Picture]) -> None:
    found = pictures
    for kind in ("coco", "yolo", "voc", "csv"):
        found = read(kind, written(kind, found))

    assert found == pictures


@given(
    width=st.integers(1, 65_535),
    height=st.integers(1, 65_535),
    corners=st.tuples(*[st.integers(0, 99_999)] * 4),
)
@_few
def test_boxes_of_others_stay_within_half_a_pixel_through_all_formats(
    width: int, height: int, corners: tuple[int, int, int, int]
) -> None:
    (left, right), (top, bottom) = _pixels(corners[:2], width), _pixels(corners[2:], height)
    document = (
        f'{{"images":[{{"id":7,"file_name":"a.jpg","width":{width},"height":{height}}}],'
        f'"annotations":[{{"id":1,"image_id":7,"category_id":2,'
        f'"bbox":[{left},{top},{right - left},{bottom - top}]}}],'
        '"categories":[{"id":2,"name":"bird"}]}'
    )
    [picture] = read("coco", document.encode())
    for kind in ("yolo", "voc"):
        [picture] = read(kind, _without_ours(kind, written(kind, [picture])))
        picture = replace(picture, image=ImageKey("", "a.jpg", width, height))
    [box] = picture.boxes

    # The half pixel that Pascal VOC rounds, and what two roundings to a millionth may add.
    for edge, side, given_ in (
        (box.left, width, left),
        (box.right, width, right),
        (box.top, height, top),
        (box.bottom, height, bottom),
    ):
        assert abs(edge * side / MILLION - given_) <= 0.5 + 2e-6 * side


def _pixels(chosen: tuple[int, ...], side: int) -> tuple[float, float]:
    """Two edges at least a pixel apart, in hundredths, as annotation tools write them."""
    low, high = sorted(round(part / 99_999 * side, 2) for part in chosen)
    if high - low < 1:
        low = max(0.0, round(min(low, side - 1.0), 2))
        high = low + 1
    return low, high


def _without_ours(kind: str, data: bytes) -> bytes:
    """The archive as a tool would keep it that knows nothing of ours."""
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(kept, "w") as new:
        for name in old.namelist():
            if name != "lacuna.csv":
                text = re.sub(rb"<lacuna>.*?</lacuna>", b"", old.read(name), flags=re.DOTALL)
                new.writestr(name, text)
    assert b"lacuna" not in kept.getvalue(), kind
    return kept.getvalue()


@given(side=st.integers(1, 65_535), edge=st.integers(0, MILLION))
def test_pixels_are_exact(side: int, edge: int) -> None:
    text = numbers.pixels(edge, side)
    back = numbers.number(text, "edge") * MILLION / side

    assert back == edge
    assert len(text.partition(".")[2]) <= 6


@pytest.mark.parametrize("kind", FORMATS)
def test_the_thinnest_box_of_the_largest_picture_survives(kind: str) -> None:
    key = image(width=65_535, height=65_535)
    thin = Picture(
        key, (Box("a", 0, 0, 1, 1), Box("a", MILLION - 1, MILLION - 1, MILLION, MILLION))
    )

    assert read(kind, written(kind, [thin])) == [thin]


@pytest.mark.parametrize("kind", FORMATS)
def test_writing_holds_little_however_much_there_is(kind: str) -> None:
    def many(count: int) -> Iterator[Picture]:
        for number in range(count):
            yield Picture(image(f"{number}.jpg"), (REVIEWED,) * 10)

    tracemalloc.start()
    written(kind, many(10))  # what is held once and for all
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    size = sum(map(len, FORMATS[kind].write(many(1_500), ())))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size > 100_000
    assert peak - before < 2_000_000


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_at_all_makes_a_file_that_can_be_read(kind: str) -> None:
    assert read(kind, written(kind, [])) == []
