"""Files as other tools write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.exchange.errors import ExchangeRefused
from annotations.exchange.lines import csv_row, marked, unmarked
from annotations.exchange.records import Box, ImageKey, Picture
from tests.annotations.exchange.drawing import BIRD, few, image, problems, read, rows, written
from tests.annotations.exchange.test_hostile_files import archive, refusal

A_BOX = "0 0.5 0.5 0.2 0.4\n"
BOX = Box("bird", 400_000, 300_000, 600_000, 700_000)


# --- YOLO -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes_0_txt", "bird\ngull\n\n"),
        ("obj_0_names", "bird\r\ngull"),
        ("data_0_yaml", "path: x\nnames: [bird, gull]  # two\nnc: 2\n"),
        ("data_0_yaml", "names: ['bird', \"gull\"]"),
        ("data_0_yaml", "names:\n- bird\n- gull\nnc: 2\n"),
        ("data_0_yaml", "nc: 2\nnames:\n  0: bird\n  1: gull\n\ntrain: x\n"),
        ("set__data_0_yml", "names:\n  - 'bird'\n  # no more\n  - gull\n"),
    ],
)
def test_classes_are_named_as_tools_name_them(name: str, text: str) -> None:
    [picture] = read("yolo", archive(labels__a_0_txt=A_BOX, **{name: text}))

    assert picture == Picture(ImageKey(stem="a"), (BOX,))


@pytest.mark.parametrize(
    "text",
    [
        "names: &a [x]",
        "names: *a",
        "names: !!python/object/apply:os.system [ls]",
        "names: [a, [b]]",
        "names: {0: a}",
        "names:\n  0: *a\n",
        "names:\n  1: a\n",
        "names:\n  <<: x\n",
        'names: ["\\x"]',
        "nc: 2\n",
    ],
)
def test_what_yaml_can_do_beyond_names_is_not_understood(text: str) -> None:
    assert "data.yaml" in refusal("yolo", archive(labels__a_0_txt=A_BOX, data_0_yaml=text))


def test_an_archive_without_names_of_classes_says_what_to_add() -> None:
    assert "add classes.txt" in refusal("yolo", archive(labels__a_0_txt=A_BOX))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0 0.5 0.5 0.2", "has 4 numbers"),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2", "Outlines and key points"),
        ("2 0.5 0.5 0.2 0.4", "no class 2: 1 are named"),
        ("-1 0.5 0.5 0.2 0.4", "not a whole number"),
        ("0.5 0.5 0.5 0.2 0.4", "not a whole number"),
        ("bird 0.5 0.5 0.2 0.4", "the class 'bird' is no number"),
        ("0 nan 0.5 0.2 0.4", "x 'nan' is no number"),
        ("0 0.5 0.5 inf 0.4", "width 'inf' is no number"),
        ("0 0.5 0.5 -0.2 0.4", "no width"),
        ("0 0.95 0.5 0.2 0.4", "out of the picture"),
        ("0 320 240 64 48", "out of the picture"),
        ("0 0.5 0.5 0.2 0.4 1.5", "the score '1.5' is not from 0 to 1"),
    ],
)
def test_a_line_that_is_no_box_is_named(line: str, says: str) -> None:
    [problem] = problems("yolo", archive(labels__a_0_txt=f"{A_BOX}{line}\n", classes_0_txt="bird"))

    assert problem.startswith("file.yolo, labels/a.txt, line 2: ")
    assert says in problem


def test_scores_of_predictions_are_kept() -> None:
    data = archive(labels__a_0_txt="0 0.5 0.5 0.2 0.4 0.87654\n", classes_0_txt="bird\n")

    assert read("yolo", data)[0].boxes[0].score == 8_765


def test_six_decimals_may_reach_a_millionth_out_of_the_picture() -> None:
    data = archive(labels__a_0_txt="0 0.100000 0.5 0.200001 1.0\n", classes_0_txt="bird\n")

    assert read("yolo", data)[0].boxes[0].left == 0


def test_images_are_named_by_lists_and_by_the_images_themselves() -> None:
    data = archive(
        set__labels__train__a_0_txt="",
        set__labels__train__b_0_txt="",
        set__labels__train__c_0_txt="",
        set__images__train__b_0_png=b"\x89PNG",
        set__train_0_txt="./images/train/a.JPG\n",
        set__classes_0_txt="bird",
        set__README_0_txt="not a label file",
    )

    found = [row.image.file_name or row.image.stem for row in rows("yolo", data)]  # type: ignore[union-attr]
    assert found == ["a.JPG", "b.png", "c"]


def test_rows_of_the_sidecar_may_be_in_any_order_of_images_but_stay_together() -> None:
    head = b"labels,line,file_name,label,score\r\n"
    a = b"labels/a.txt,0 0.5 0.5 0.2 0.4,one.jpg,bird,0.5\r\n"
    b = b"labels/b.txt,,two.jpg,,\r\n"
    texts = {"labels__a_0_txt": A_BOX, "labels__b_0_txt": "", "classes_0_txt": "bird"}

    found = read("yolo", archive(**texts, lacuna_0_csv=head + b + a))
    assert [(each.image.file_name, len(each.boxes)) for each in found] == [
        ("one.jpg", 1),
        ("two.jpg", 0),
    ]
    assert found[0].boxes[0].score == 5_000
    assert "lie apart" in refusal("yolo", archive(**texts, lacuna_0_csv=head + a + b + a))


# --- Pascal VOC -----------------------------------------------------------------------------------


def test_an_example_of_pascal_voc_is_read_as_its_kit_means_it() -> None:
    text = (
        "<annotation><folder>VOC2012</folder><filename>2007_000027.jpg</filename>"
        "<source><database>The VOC2007 Database</database></source>"
        "<size><width>486</width><height>500</height><depth>3</depth></size>"
        "<object><name>person</name><bndbox><xmin>174</xmin><ymin>101</ymin><xmax>349</xmax>"
        "<ymax>351</ymax></bndbox><part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
        "</object></annotation>"
    )
    [picture] = read("voc", archive(Annotations__2007_000027_0_xml=text))

    assert picture.image == ImageKey("", "2007_000027.jpg", 486, 500)
    [box] = picture.boxes
    assert (box.label, box.left, box.right) == ("person", round(173e6 / 486), round(349e6 / 486))
    assert (box.top, box.bottom) == (200_000, 702_000)


def test_pixels_of_pascal_voc_are_whole_and_within_the_picture() -> None:
    from annotations.exchange.voc import whole_pixels

    assert whole_pixels(Box("", 0, 0, 1_000_000, 1_000_000), image()) == (1, 1, 640, 480)
    assert whole_pixels(Box("", 999_999, 0, 1_000_000, 1), image()) == (640, 1, 640, 1)


# --- CSV ------------------------------------------------------------------------------------------


def test_a_table_by_hand_needs_few_columns() -> None:
    data = b"file_name,label,left,top,right,bottom\na.jpg,bird,.1,0.2,0.5,6e-1\nb.jpg,,,,,\n"

    assert read("csv", data) == [
        Picture(ImageKey(file_name="a.jpg"), (Box("bird", 100_000, 200_000, 500_000, 600_000),)),
        Picture(ImageKey(file_name="b.jpg")),
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no column label, left, top, right, bottom"),
        (b"file_name;label\n", "the column 'file_name;label' is not known"),
        (b"scroe,label,left,top,right,bottom\n", "the column 'scroe' is not known"),
        (b"label,label\n", "the column 'label' is there twice"),
        (b"label,left,top,right,bottom\n", "neither a column sha256 nor"),
        (b"\x00\n", "line 1: it holds a NUL"),
        (b'"a', "line 1: it is no CSV"),
    ],
)
def test_a_table_with_other_columns_is_refused(data: bytes, says: str) -> None:
    assert says in refusal("csv", data)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (b"a.jpg,bird,0.1,0.2,0.5", "it has 5 cells, the first line 6"),
        (b"a.jpg,bird,0.1,0.2,0.5,", "bottom '' is no number"),
        (b"a.jpg,bird,,,,", "a label or a score, but no box"),
        (b",bird,0.1,0.2,0.5,0.6", "names no image"),
        (b"a.jpg,bird,0.5,0.2,0.1,0.6", "no width"),
        (b"a.jpg,bird,0.1,0.2,1.1,0.6", "out of the picture"),
        (b"a.jpg,bird,1_0,0.2,1.1,0.6", "left '1_0' is no number"),
    ],
)
def test_a_row_that_is_no_box_is_named(row: bytes, says: str) -> None:
    data = b'file_name,label,left,top,right,bottom\n"b\nc.jpg",x,0,0,1,1\n' + row + b"\n"
    found = problems("csv", data)

    assert found[-1].startswith("file.csv, line 4: ")
    assert says in found[-1]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", "''@", "\uff1d1", "\nx"]
)
def test_no_cell_is_left_that_a_spreadsheet_would_run(text: str) -> None:
    assert marked(text) == f"'{text}"
    assert unmarked(marked(text)) == text


@given(text=st.text())
def test_marks_come_off_again(text: str) -> None:
    assert unmarked(marked(text)) == text
    assert marked(text)[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}


def test_formulas_in_labels_names_and_notes_are_defused_in_every_table() -> None:
    evil = Picture(
        image("=cmd|' /C calc'!A0.jpg"),
        (Box('@SUM(1+1)*cmd|" /C calc"!A0', 0, 0, 9, 9, notes="+1"),),
    )

    assert b",'=cmd|" in written("csv", [evil])
    assert b"'@SUM" in written("csv", [evil])
    assert b"'+1" in written("csv", [evil])
    assert csv_row(["=1"]) == b"'=1\r\n"
    for kind in ("csv", "yolo"):
        assert read(kind, written(kind, [evil])) == [evil]


def test_a_line_of_a_table_may_not_go_on_for_ever() -> None:
    data = b"file_name,label,left,top,right,bottom\n" + b"a" * 5_000

    assert "line 2: the line is longer than 1000 bytes" in refusal(
        "csv", data, limits=few(item=1000)
    )
    with pytest.raises(ExchangeRefused, match="field larger than field limit"):
        rows("csv", data + b"a" * 200_000)


def test_an_image_of_unknown_size_has_no_place_in_formats_of_pixels() -> None:
    unknown = [Picture(ImageKey("0" * 64, "a.jpg"), (BIRD,))]

    for kind in ("coco", "voc"):
        with pytest.raises(ExchangeRefused, match="width and height are not known"):
            written(kind, unknown)
    for kind in ("yolo", "csv"):
        assert read(kind, written(kind, unknown)) == unknown
