"""Faults that annotation tools are known for, one test each, in every format."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from annotations.exchange.formats import FORMATS
from annotations.exchange.records import Box, Picture, Review
from tests.annotations.exchange.drawing import BIRD, REVIEWED, REVIEWER, image, read, written

ROOT = Path(__file__).resolve().parents[3]


def entries(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize("kind", FORMATS)
def test_images_without_boxes_are_not_dropped(kind: str) -> None:
    pictures = [Picture(image("none.jpg")), Picture(image("one.jpg"), (BIRD,))]

    assert [len(each.boxes) for each in read(kind, written(kind, pictures))] == [0, 1]


def test_an_image_without_boxes_is_there_for_other_readers_too() -> None:
    empty = [Picture(image("none.jpg"))]

    assert json.loads(written("coco", empty))["images"][0]["file_name"] == "none.jpg"
    assert entries(written("yolo", empty))["labels/none.txt"] == ""
    assert "<filename>none.jpg</filename>" in entries(written("voc", empty))["Annotations/none.xml"]
    [row] = csv.DictReader(io.StringIO(written("csv", empty).decode(), newline=""))
    assert (row["file_name"], row["left"]) == ("none.jpg", "")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("score", [0, 1, 8_765, 10_000, None])
def test_scores_are_not_lost(kind: str, score: int | None) -> None:
    [picture] = read(kind, written(kind, [Picture(image(), (replace(BIRD, score=score),))]))

    assert picture.boxes[0].score == score


def test_a_score_stands_where_other_readers_of_coco_look_for_it() -> None:
    document = json.loads(written("coco", [Picture(image(), (REVIEWED, BIRD))]))

    assert document["annotations"][0]["score"] == 0.8765
    assert "score" not in document["annotations"][1]


@pytest.mark.parametrize("kind", FORMATS)
def test_the_version_and_the_decision_are_those_of_the_box(kind: str) -> None:
    review = Review("approved", "final", "", REVIEWER, "2026-11-21T10:00:00.000000Z", 7)
    [picture] = read(kind, written(kind, [Picture(image(), (replace(BIRD, review=review),))]))

    assert picture.boxes[0].review == review


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "name", ["IMG 0001.JPG", "süß.jpeg", "a.b.c.png", "no_ending", "日本.webp"]
)
def test_file_names_are_those_of_the_images(kind: str, name: str) -> None:
    [picture] = read(kind, written(kind, [Picture(image(name), (BIRD,))]))

    assert picture.image.file_name == name


def test_label_files_are_named_after_the_images() -> None:
    yolo = entries(written("yolo", [Picture(image("IMG 0001.JPG"), (BIRD,))]))

    assert "labels/IMG 0001.txt" in yolo
    assert yolo["images.txt"] == "images/IMG 0001.JPG\n"


@pytest.mark.parametrize("kind", ["yolo", "voc"])
def test_two_images_of_one_name_do_not_overwrite_each_other(kind: str) -> None:
    pictures = [
        Picture(image("a.jpg"), (BIRD,)),
        Picture(replace(image("other"), file_name="a.png")),
        Picture(replace(image("third"), file_name="A.jpg"), (BIRD, BIRD)),
    ]

    assert read(kind, written(kind, pictures)) == pictures


@pytest.mark.parametrize("kind", FORMATS)
def test_what_was_told_of_the_size_is_kept(kind: str) -> None:
    [picture] = read(kind, written(kind, [Picture(image(width=6000, height=17), (BIRD,))]))

    assert (picture.image.width, picture.image.height) == (6000, 17)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_box_without_a_label_stays_one(kind: str) -> None:
    nameless, named = replace(BIRD, label=""), replace(BIRD, label="unlabelled")
    [picture] = read(kind, written(kind, [Picture(image(), (nameless, named))]))

    assert [box.label for box in picture.boxes] == ["", "unlabelled"]


def test_classes_and_categories_are_numbered_as_asked() -> None:
    pictures = [Picture(image(), (Box("wren", 0, 0, 9, 9), Box("gull", 0, 0, 9, 9)))]
    labels = ["gull", "tern", "wren"]

    document = json.loads(written("coco", pictures, labels))
    assert [each["name"] for each in document["categories"]] == labels
    assert [each["category_id"] for each in document["annotations"]] == [3, 1]
    yolo = entries(written("yolo", pictures, labels))
    assert yolo["classes.txt"].split() == labels
    assert [line[0] for line in yolo["labels/a.txt"].splitlines()] == ["2", "0"]


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("coco", '"bbox":[79.01248,', '"bbox":[78.5,'),
        ("coco", '"name":"gull"', '"name":"tern"'),
        ("voc", "<xmin>80<", "<xmin>90<"),
        ("voc", "<name>gull<", "<name>tern<"),
        ("yolo", "0 0.5617280 ", "0 0.5617281 "),
        ("yolo", "gull\n", "tern\n"),
    ],
)
def test_a_box_that_another_tool_changed_is_not_taken_for_reviewed(
    kind: str, old: str, new: str
) -> None:
    data = written(kind, [Picture(image(), (REVIEWED,))])
    if kind == "coco":
        text = data.decode()
        assert old in text
        changed = text.replace(old, new).encode()
    else:
        kept = io.BytesIO()
        with zipfile.ZipFile(kept, "w") as archive:
            texts = entries(data)
            assert any(old in text for text in texts.values())
            for name, text in texts.items():
                archive.writestr(name, text if name == "lacuna.csv" else text.replace(old, new))
        changed = kept.getvalue()
    [picture] = read(kind, changed)
    [box] = picture.boxes

    assert (box.review, box.ai, box.provider) == (Review(), False, "")


def test_readers_and_writers_know_no_database() -> None:
    code = (
        "import sys, annotations.exchange.formats; print([m for m in sys.modules if 'django' in m])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == "[]"
