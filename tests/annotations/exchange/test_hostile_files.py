"""Files that are broken, or made to break something."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.exchange.errors import ExchangeRefused, Problem
from annotations.exchange.formats import FORMATS
from annotations.exchange.records import Picture
from tests.annotations.exchange.drawing import (
    BIRD,
    REVIEWED,
    few,
    image,
    problems,
    read,
    rows,
    written,
)

PICTURES = [Picture(image("empty.jpg")), Picture(image(), (BIRD, REVIEWED))]


def refusal(kind: str, data: bytes, **options: Any) -> str:
    with pytest.raises(ExchangeRefused) as refused:
        rows(kind, data, **options)
    return str(refused.value)


def coco(*boxes: Any, images: str = "", **fields: Any) -> bytes:
    """A document with these boxes, or with one annotation of these fields."""
    one = {"id": 1, "image_id": 7, "category_id": 2, "bbox": [10, 20, 30, 40]} | fields
    annotations = [one | {"bbox": box} for box in boxes] or [one]
    known = images or '{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}'
    # NaN and Infinity are written as they are.
    return (
        f'{{"images": [{known}],\n"annotations": {json.dumps(annotations)},\n'
        '"categories": [{"id": 2, "name": "bird"}]}'
    ).encode()


def archive(**texts: str | bytes) -> bytes:
    """An archive; ``__`` stands for a slash and ``_0_`` for a dot."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in texts.items():
            made.writestr(name.replace("__", "/").replace("_0_", "."), text)
    return kept.getvalue()


def voc(inner: str = "", *, head: str = "") -> bytes:
    return archive(
        Annotations__a_0_xml=f"{head}<annotation><filename>a.jpg</filename><size><width>640</width>"
        f"<height>480</height></size>{inner}</annotation>"
    )


def an_object(*corners: object) -> str:
    inside = "".join(
        f"<{name}>{value}</{name}>"
        for name, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return f"<object><name>bird</name><bndbox>{inside}</bndbox></object>"


# --- Boxes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ([10, 20, -30, 40], "no width"),
        ([10, 20, 0, 40], "no width"),
        ([10, 20, 30, -1], "no height"),
        ([-5, 20, 30, 40], "out of the picture"),
        ([620, 20, 30, 40], "out of the picture"),
        ([10, 460, 30, 40], "out of the picture"),
        ([700, 20, 30, 40], "out of the picture"),
        ([1e300, 20, 30, 40], "out of all proportion"),
        (["10", "x", 30, 40], "y 'x' is no number"),
        ([True, 20, 30, 40], "x 'True' is no number"),
        ([None, 20, 30, 40], "x 'None' is no number"),
        ([10, 20, 30], "no bbox of four numbers"),
        ({"x": 1}, "no bbox of four numbers"),
    ],
)
def test_a_box_that_cannot_be_is_refused_with_its_line(box: Any, says: str) -> None:
    [problem] = problems("coco", coco([1, 2, 3, 4], box))

    assert problem.startswith("file.coco, line 2, annotations[1]: ")
    assert says in problem


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1" * 5000])
def test_a_number_that_is_none_ends_the_reading(number: str) -> None:
    data = coco([10, 20, 30, 40]).replace(b"[10,", f"[{number},".encode())

    assert "file.coco, line 2: it cannot be read as JSON" in refusal("coco", data)


def test_clipping_cuts_and_counts_but_makes_no_box_of_what_lies_outside() -> None:
    cut: list[int] = []
    found = rows(
        "coco",
        coco([-10, 20, 30, 40], [630, 470, 50, 50], [700, 20, 30, 40]),
        clip=True,
        clipped=lambda: cut.append(1),
    )

    assert len(cut) == 2
    assert [getattr(row, "box", None) for row in found][1:3] == [
        BIRD.__class__("bird", 0, 41_667, 31_250, 125_000),
        BIRD.__class__("bird", 984_375, 979_167, 1_000_000, 1_000_000),
    ]
    assert "outside the picture" in str(found[3])


def test_what_rounding_put_outside_is_neither_refused_nor_counted() -> None:
    cut: list[int] = []
    [picture] = read("coco", coco([-0.01, 0, 640.02, 480.04]), clipped=lambda: cut.append(1))

    assert cut == []
    assert (picture.boxes[0].left, picture.boxes[0].right) == (0, 1_000_000)


@pytest.mark.parametrize("score", [-0.1, 1.5, "high", True, [1]])
def test_a_score_that_is_none_is_refused(score: Any) -> None:
    assert "the score" in problems("coco", coco(score=score))[0]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"status": "accepted"}, "the status 'accepted' is none of pending, approved, rejected"),
        ({"status": "approved"}, "not said by whom and when"),
        ({"reviewer": "ana"}, "is no id (UUID)"),
        ({"reviewed_at": "yesterday"}, "is no moment"),
        ({"reviewed_at": "2026-11-21T10:00:00"}, "is no moment"),
        ({"version": -1}, "the version '-1'"),
        ({"version": 10**30}, "the version"),
        ({"ai": True}, "has a provider and a score"),
        ({"provider": "x" * 41}, "has 41 characters"),
        ({"notes": "\x00"}, "no text"),
        ({"notes": "\ud800"}, "no text"),
        ({"model": {"a": 1}}, "model is no text"),
    ],
)
def test_what_is_said_under_our_name_is_checked_like_anything(
    said: dict[str, Any], says: str
) -> None:
    ours = {"label": "bird", "box": [15_625, 41_667, 62_500, 125_000], **said}

    assert says in problems("coco", coco(lacuna=ours))[0]


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"images": [}',
        b'{"images": [{"id": 1',
        b'{"images": {}, "annotations": [], "categories": []}',
        b'{"images": [], "annotations": [], "categories": []} and more',
        b'{"images": [] "annotations": []}',
        b"{1: []}",
        b'{"info": "' + b"[" * 100,
        b"[" * 100_000,
        b'{"images": [' + b"[" * 100_000,
        b'{"images": [' + b'{"a":' * 100_000,
        b'{"info": "\\',
        b'{"info": {"a": "\\',
    ],
)
def test_what_is_no_such_json_is_refused(data: bytes) -> None:
    assert refusal("coco", data).startswith("file.coco, line 1: ")


def test_json_without_its_lists_says_which_are_missing() -> None:
    assert "no list of annotations, categories" in refusal("coco", b'{"images": []}')


@pytest.mark.parametrize("kind", ["coco", "csv"])
def test_other_encodings_are_named_and_a_byte_order_mark_is_no_matter(kind: str) -> None:
    data = written(kind, PICTURES)

    assert "UTF-16" in refusal(kind, data.decode().encode("utf-16"))
    assert "not UTF-8" in refusal(kind, data.replace(b"bird", b"b\xefrd"))
    assert read(kind, b"\xef\xbb\xbf" + data) == PICTURES


def test_a_million_categories_are_refused_early() -> None:
    many = ",".join(f'{{"id":{number},"name":"a"}}' for number in range(2_000))
    data = f'{{"categories":[{many}],"images":[],"annotations":[]}}'.encode()

    assert "more than 1000 categories" in refusal("coco", data, limits=few(labels=1_000))


def test_too_many_images_are_refused() -> None:
    pictures = [Picture(image(f"{number}.jpg")) for number in range(4)]
    for kind in ("coco", "yolo", "voc"):
        assert "more than 3" in refusal(kind, written(kind, pictures), limits=few(images=3))


def test_an_item_that_goes_on_for_ever_is_given_up() -> None:
    data = coco(images='{"id": 7, "file_name": "' + "a" * 300_000)

    assert "cannot be read as JSON" in refusal("coco", data, limits=few(item=100_000))


def test_unknown_and_repeated_ids_are_refused() -> None:
    one = '{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}'

    assert "another image with the id '7'" in problems("coco", coco(images=f"{one},{one}"))[0]
    assert "no image with the id '8'" in problems("coco", coco(image_id=8))[0]
    assert "no category with the id '9'" in problems("coco", coco(category_id=9))[0]
    assert "neither a number nor a text" in problems("coco", coco(image_id=[7]))[0]


def test_members_that_are_not_ours_are_passed_over_however_they_look() -> None:
    strange = b'{"info": {"a": ["}", "\\"]", {"b": [1, {}]}], "c": "' + b"x" * 200_000 + b'"},'

    assert len(read("coco", strange + coco()[1:])) == 1


@given(data=st.binary(max_size=60), at=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("kind", FORMATS)
def test_damage_anywhere_is_refused_in_a_sentence_or_does_no_harm(
    kind: str, data: bytes, at: int
) -> None:
    whole = written(kind, PICTURES)
    place = at * len(whole) // 1000
    sentences: list[str] = []
    try:
        found = rows(kind, whole[:place] + data + whole[place + len(data) // 2 :])
        sentences = [str(row) for row in found if isinstance(row, Problem)]
    except ExchangeRefused as error:
        sentences = [str(error)]

    assert all(": " in sentence for sentence in sentences)


def test_reading_holds_an_item_at_a_time() -> None:
    data = written("coco", [Picture(image(), (BIRD,) * 20_000)])
    tracemalloc.start()
    found = 0
    for _ in FORMATS["coco"].read(io.BytesIO(data), _reading()):
        found += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found == 20_001
    assert len(data) > 4_000_000
    assert peak < 2_000_000


def _reading() -> Any:
    from annotations.exchange.records import Reading

    return Reading("file.coco")


# --- XML ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;&x;">]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">',
        '<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]>',
    ],
)
def test_document_types_are_refused_and_with_them_every_entity(head: str) -> None:
    said = refusal("voc", voc("<folder>&x;</folder>", head=head))

    assert said == (
        "file.voc, Annotations/a.xml, line 1: it declares a document type. Remove the line with"
        " <!DOCTYPE."
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no element found"),
        ("<annotation>", "no element found"),
        ("<a></b>", "mismatched tag"),
        ("<annotation>&x;</annotation>", "undefined entity"),
        ("<a>" * 1000, "more than 16 deep"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "it is no XML"),
        (b"<a>\xff</a>", "not well-formed"),
    ],
)
def test_what_is_no_xml_is_refused_with_its_line(text: str | bytes, says: str) -> None:
    assert says in refusal("voc", archive(a_0_xml=text))


def test_what_is_no_annotation_is_a_problem_of_its_own() -> None:
    assert problems("voc", archive(a_0_xml="<html/>")) == [
        "file.voc, a.xml: it is no annotation but 'html'."
    ]
    assert "the width ''" in problems("voc", archive(a_0_xml="<annotation/>"))[0]


def test_the_line_of_an_object_is_named() -> None:
    data = voc("\n" + an_object(1, 1, 2, 2) + "\n" + an_object(5, 1, 2, 2))

    assert problems("voc", data)[0].startswith("file.voc, Annotations/a.xml, line 3: ")


def test_a_file_that_counts_from_zero_is_read_when_one_says_so() -> None:
    data = voc(an_object(0, 0, 9, 9))

    assert "counts pixels from 0, say so" in problems("voc", data)[0]
    [picture] = read("voc", data, voc_origin=0)
    assert (picture.boxes[0].left, picture.boxes[0].right) == (0, 15_625)


# --- Archives -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["yolo", "voc"])
def test_what_is_no_archive_is_refused(kind: str) -> None:
    whole = written(kind, PICTURES)
    for data in (b"", b"PK", b"\0" * 100, whole[:-30], whole[100:], b"PK\x05\x06" + b"\xff" * 18):
        assert refusal(kind, data)


def test_a_bomb_is_not_unpacked() -> None:
    zeros = archive(labels__a_0_txt=b"0" * 5_000_000, classes_0_txt="bird\n")

    assert len(zeros) < 20_000
    assert "unpacks to more than 1000000 bytes" in refusal("yolo", zeros, limits=few(entry=10**6))
    assert "unpacks to more than 1000000 bytes" in refusal(
        "yolo", zeros, limits=few(unpacked=10**6)
    )
    assert "longer than 1000 bytes" in refusal("yolo", zeros)
    bomb = archive(a_0_xml=b"<annotation>" + b" " * 20_000_000)
    assert "unpacks to more than" in refusal("voc", bomb)


def test_an_archive_of_too_many_entries_is_refused_before_they_are_listed() -> None:
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, 1 << 30, 0, 0)

    assert "too many entries" in refusal("yolo", b"\0" * 100 + end)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 9, 9, 1 << 40, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 100, 1)
    assert "too many entries" in refusal("yolo", b"\0" * 100 + wide + locator + end)


@pytest.mark.parametrize(
    "name", ["../labels/a.txt", "/labels/a.txt", "labels\\..\\a.txt", "C:/a.txt"]
)
def test_paths_that_lead_out_are_refused(name: str) -> None:
    assert "leads out of the archive" in refusal(
        "yolo", archive(**{name: "", "classes_0_txt": "a"})
    )


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_there_twice_is_refused() -> None:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as made:
        made.writestr("labels/a.txt", "")
        made.writestr("labels/a.txt", "0 0.5 0.5 0.1 0.1")

    assert "is there twice" in refusal("yolo", kept.getvalue())


def test_an_encrypted_entry_is_refused() -> None:
    data = bytearray(archive(labels__a_0_txt="", classes_0_txt="a"))
    for at in range(len(data) - 4):
        if data[at : at + 4] == b"PK\x01\x02":
            data[at + 8] |= 1
        elif data[at : at + 4] == b"PK\x03\x04":
            data[at + 6] |= 1

    assert "cannot be unpacked" in refusal("yolo", bytes(data))
