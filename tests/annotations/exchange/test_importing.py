"""Annotations on their way into the database."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from accounts.models import User
from annotations.exchange.errors import ExchangeRefused
from annotations.exchange.formats import FORMATS
from annotations.models import Annotation
from imaging.models import Image
from tests.annotations.exchange.conftest import Export, TakeIn, forget_boxes
from tests.annotations.exchange.drawing import few
from tests.annotations.exchange.test_exporting import entries
from tests.annotations.making import make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db
Images = Sequence[Image]


def table(*rows: str, columns: str = "file_name,label,left,top,right,bottom") -> bytes:
    return "\n".join([columns, *rows, ""]).encode()


def refused(take_in: TakeIn, kind: str, data: bytes, **options: Any) -> list[str]:
    before = Annotation.objects.count()
    with pytest.raises(ExchangeRefused) as error:
        take_in(kind, data, **options)
    assert Annotation.objects.count() == before
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_exported_imported_and_exported_is_the_same_to_the_byte(
    kind: str, images: Images, export: Export, take_in: TakeIn
) -> None:
    before = export(kind)
    forget_boxes()
    done = take_in(kind, before, keep_reviews=True)

    assert (done.images, done.boxes, done.already_there) == (3, 3, 0)
    assert done.sha256 == hashlib.sha256(before).hexdigest()
    assert export(kind) == before


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_file_again_adds_nothing(
    kind: str, images: Images, export: Export, take_in: TakeIn
) -> None:
    data = export(kind)
    done = take_in(kind, data)

    assert (done.boxes, done.already_there) == (0, 3)
    assert Annotation.objects.count() == 3


def test_of_two_equal_boxes_one_that_is_missing_is_added(analyst: User, take_in: TakeIn) -> None:
    make_image(file_name="a.jpg")
    row = "a.jpg,bird,0,0,0.5,0.5"
    take_in("csv", table(row))
    done = take_in("csv", table(row, row, row))

    assert (done.boxes, done.already_there) == (2, 1)


def test_imported_boxes_are_the_importers_and_wait_for_review(
    images: Images, export: Export, take_in: TakeIn, analyst: User
) -> None:
    data = export("coco")
    forget_boxes()
    take_in("coco", data, by=analyst)

    assert {each.user for each in Annotation.objects.all()} == {analyst}
    assert set(Annotation.objects.values_list("review_status", "version")) == {("pending", 1)}
    robin = Annotation.objects.get(label="robin")
    assert (robin.vision_generated, robin.vision_provider) == (True, "local")
    assert robin.vision_confidence == Decimal("0.5000")
    assert robin.bounding_box == {
        "topLeft": {"x": 0.1, "y": 0.2},
        "bottomRight": {"x": 0.5, "y": 0.6},
        "width": 0.4,
        "height": 0.4,
    }


def test_a_score_without_a_provider_is_kept_and_makes_nobody_an_ai(take_in: TakeIn) -> None:
    make_image(file_name="a.jpg")
    columns = "file_name,label,left,top,right,bottom,score"
    take_in("csv", table("a.jpg,bird,0,0,0.5,0.5,0.875", columns=columns))

    made = Annotation.objects.get()
    assert (made.vision_confidence, made.vision_generated) == (Decimal("0.8750"), False)


# --- Reviews --------------------------------------------------------------------------------------


def test_reviews_are_kept_for_whoever_says_how_annotations_are_reviewed(
    images: Images, export: Export, take_in: TakeIn, analyst: User
) -> None:
    data = export("csv")
    forget_boxes()
    with pytest.raises(PermissionDenied, match="Only moderators and admins"):
        take_in("csv", data, by=analyst, keep_reviews=True)
    take_in("csv", data, keep_reviews=True)

    gull = Annotation.objects.get(label="gull")
    assert (gull.review_status, gull.rejection_reason) == ("rejected", "wrong_box")
    assert (gull.reviewed_by, gull.version) == (analyst, 2)


def test_a_reviewer_who_is_nobody_here_is_refused_by_row(
    images: Images, export: Export, take_in: TakeIn, analyst: User
) -> None:
    stranger = str(uuid4())
    data = export("csv").replace(str(analyst.pk).encode(), stranger.encode())
    forget_boxes()
    [problem] = refused(take_in, "csv", data, keep_reviews=True)

    assert f"the reviewer '{stranger}' is nobody here" in problem
    assert take_in("csv", data).boxes == 3


def test_boxes_begin_where_their_collection_begins(take_in: TakeIn) -> None:
    image = make_image(file_name="a.jpg")
    made = make_collection(image, stages=["L1", "L2", "final"])
    columns = "file_name,label,left,top,right,bottom,status,stage"
    data = table("a.jpg,bird,0,0,0.5,0.5,pending,L2", columns=columns)

    take_in("csv", data)
    assert Annotation.objects.get().review_stage == "L1"
    forget_boxes()
    take_in("csv", data, keep_reviews=True)
    assert Annotation.objects.get().review_stage == "L2"
    assert Annotation.objects.get().collection_id == made.pk


def test_labels_are_those_of_the_collection(take_in: TakeIn) -> None:
    make_collection(make_image(file_name="a.jpg"), labels=["Robin"])

    [problem] = refused(take_in, "csv", table("a.jpg,gull,0,0,1,1"))
    assert problem.startswith("file.csv, line 2: 'gull' is not one of the labels")
    take_in("csv", table("a.jpg,ROBIN,0,0,1,1"))
    assert Annotation.objects.get().label == "Robin"


# --- Which image ----------------------------------------------------------------------------------


def test_an_image_is_found_by_its_hash_whatever_its_name(take_in: TakeIn) -> None:
    image = make_image(file_name="here.jpg")
    make_image(file_name="there.jpg")
    columns = "sha256,file_name,label,left,top,right,bottom"
    take_in("csv", table(f"{image.file_hash.upper()},there.jpg,bird,0,0,1,1", columns=columns))

    assert Annotation.objects.get().image == image


def test_an_image_that_is_not_here_or_not_alone_is_refused_by_line(take_in: TakeIn) -> None:
    make_image(file_name="twice.jpg")
    make_image(file_name="twice.jpg")
    make_image(file_name="once.jpg")
    columns = "sha256,file_name,label,left,top,right,bottom"
    found = refused(
        take_in,
        "csv",
        table(
            ",once.jpg,bird,0,0,1,1",
            ",twice.jpg,bird,0,0,1,1",
            ",ONCE.jpg,bird,0,0,1,1",
            f"{'0' * 64},once.jpg,bird,0,0,1,1",
            ",o%.jpg,bird,0,0,1,1",
            columns=columns,
        ),
    )

    assert found == [
        "file.csv, line 3: more than one image is named 'twice.jpg'. Give its SHA-256 beside the"
        " name.",
        "file.csv, line 4: there is no image with the name 'ONCE.jpg'. Upload it first, or give its"
        " SHA-256.",
        f"file.csv, line 5: no image here has the SHA-256 {'0' * 64}, which the file gives for"
        " 'once.jpg'.",
        "file.csv, line 6: there is no image with the name 'o%.jpg'. Upload it first, or give its"
        " SHA-256.",
    ]


def test_an_image_that_is_not_here_is_named_once_whatever_is_said_of_it(
    export: Export, images: Images, take_in: TakeIn
) -> None:
    data = export("coco").replace(images[0].file_hash.encode(), b"0" * 64)

    [problem] = refused(take_in, "coco", data)
    assert "no image here has the SHA-256 000000" in problem


def test_nothing_is_added_to_an_archived_image(
    export: Export, images: Images, take_in: TakeIn
) -> None:
    for status in ("processing", "completed", "archived"):
        Image.objects.update(analysis_status=status)
    data = export("csv")

    assert take_in("csv", data).already_there == 3
    assert "is archived" in refused(take_in, "csv", table("first.jpg,owl,0,0,1,1"))[0]


def test_a_label_file_finds_its_image_by_the_stem(take_in: TakeIn) -> None:
    from tests.annotations.exchange.test_hostile_files import archive

    image = make_image(file_name="IMG_1.JPG")
    make_image(file_name="IMG_1.txt")
    data = archive(labels__IMG_1_0_txt="0 0.5 0.5 0.2 0.2", classes_0_txt="bird")
    take_in("yolo", data)

    assert Annotation.objects.get().image == image
    make_image(file_name="IMG_1.png")
    assert "more than one image is named 'IMG_1'" in refused(take_in, "yolo", data)[0]


def test_a_folder_before_the_name_is_no_matter(take_in: TakeIn) -> None:
    make_image(file_name="a.jpg")

    assert take_in("csv", table("train\\images/a.jpg,bird,0,0,1,1")).boxes == 1


@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [(640, 480, True), (320, 240, True), (1280, 961, True), (480, 640, False), (640, 640, False)],
)
def test_boxes_of_a_picture_that_was_turned_or_cut_are_refused(
    width: int, height: int, fits: bool, take_in: TakeIn
) -> None:
    make_image(file_name="a.jpg")
    columns = "file_name,width,height,label,left,top,right,bottom"
    data = table(f"a.jpg,{width},{height},bird,0,0,1,1", columns=columns)

    if fits:
        assert take_in("csv", data).boxes == 1
    else:
        assert "here it has 640 x 480" in refused(take_in, "csv", data)[0]


# --- All or nothing -------------------------------------------------------------------------------


def test_one_wrong_row_at_the_end_keeps_all_out(take_in: TakeIn) -> None:
    make_image(file_name="a.jpg")
    rows = [f"a.jpg,bird,0,0,0.5,0.{number:04d}" for number in range(1, 1200)]
    found = refused(take_in, "csv", table(*rows, "a.jpg,bird,0,0,2,1"))

    assert len(found) == 1
    assert found[0].startswith("file.csv, line 1201: the box reaches out")
    assert take_in("csv", table(*rows)).boxes == 1199


def test_after_a_hundred_problems_the_reading_ends(take_in: TakeIn) -> None:
    rows = [f"{number}.jpg,bird,0,0,1,1" for number in range(300)]

    assert len(refused(take_in, "csv", table(*rows))) == 100


def test_more_boxes_than_may_be_stored_at_once_are_refused(take_in: TakeIn) -> None:
    make_image(file_name="a.jpg")
    rows = [f"a.jpg,bird,0,0,0.5,0.{number}" for number in range(1, 5)]

    [problem] = refused(take_in, "csv", table(*rows), limits=few(boxes=3))
    assert "more than 3 boxes" in problem
    assert take_in("csv", table(*rows), limits=few(boxes=4)).boxes == 4


def test_more_images_or_labels_than_are_held_are_refused(take_in: TakeIn) -> None:
    rows = []
    for number in range(4):
        make_image(file_name=f"{number}.jpg")
        rows.append(f"{number}.jpg,bird {number},0,0,1,1")

    assert "more than 3 images" in refused(take_in, "csv", table(*rows), limits=few(images=3))[0]
    assert "more than 3 labels" in refused(take_in, "csv", table(*rows), limits=few(labels=3))[0]


def test_a_dry_run_checks_everything_and_stores_nothing(take_in: TakeIn) -> None:
    make_image(file_name="a.jpg")
    done = take_in("csv", table("a.jpg,bird,0,0,1,1"), dry_run=True)

    assert (done.boxes, done.dry_run) == (1, True)
    assert Annotation.objects.count() == 0
    assert entries("annotations.imported") == []
    assert refused(take_in, "csv", table("b.jpg,bird,0,0,1,1"), dry_run=True)


def test_boxes_are_cut_when_one_says_so_and_counted(take_in: TakeIn) -> None:
    make_image(file_name="a.jpg")
    data = table("a.jpg,bird,-0.5,0,0.5,1", "a.jpg,bird,0,0,1,1")

    assert take_in("csv", data, clip=True).clipped == 1
    assert {each.bounding_box["topLeft"]["x"] for each in Annotation.objects.all()} == {0}


# --- Who, and what is said of it ------------------------------------------------------------------


@pytest.mark.parametrize("role", ["viewer"])
def test_who_may_not_make_annotations_may_not_import_them(role: str, take_in: TakeIn) -> None:
    make_image(file_name="a.jpg")
    with pytest.raises(PermissionDenied, match="may not make annotations"):
        take_in("csv", table("a.jpg,bird,0,0,1,1"), by=make_user(role))


def test_an_import_is_recorded_with_the_hash_of_the_file(analyst: User, take_in: TakeIn) -> None:
    make_image(file_name="a.jpg")
    data = table("a.jpg,bird,0,0,1,1")
    take_in("csv", data, by=analyst)
    actor, noun, key, details = entries("annotations.imported")[-1]

    assert (actor, noun) == (analyst.pk, "annotation_file")
    assert key == hashlib.sha256(data).hexdigest()
    assert details == {
        "format": "csv",
        "file_name": "file.csv",
        "keep_reviews": False,
        "images": 1,
        "boxes": 1,
        "already_there": 0,
        "clipped": 0,
    }


def test_each_image_has_one_entry_for_its_boxes(take_in: TakeIn) -> None:
    first, second = make_image(file_name="a.jpg"), make_image(file_name="b.jpg")
    data = table("a.jpg,bird,0,0,1,1", "a.jpg,gull,0,0,1,1", "b.jpg,bird,0,0,1,1")
    take_in("csv", data)
    file = hashlib.sha256(data).hexdigest()
    told = {key: said for _, noun, key, said in entries("annotations.imported") if noun == "image"}

    assert told == {
        str(first.pk): {"file": file, "boxes": 2},
        str(second.pk): {"file": file, "boxes": 1},
    }
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert entries("annotation.inserted") == []


def test_a_second_import_at_the_same_time_is_sent_away(
    transactional_db: None, administrator: Any, take_in: TakeIn
) -> None:
    make_image(file_name="a.jpg")
    data = table("a.jpg,bird,0,0,1,1")
    with administrator.transaction():
        administrator.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('annotations.imported', 0))"
        )
        assert "another file is being imported" in refused(take_in, "csv", data)[0]

    assert take_in("csv", data).boxes == 1


MOMENTS = "file_name,label,left,top,right,bottom,status,reviewer,reviewed_at"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00+00:00"),
        ("2026-11-21T10:00:00.123456+05:30", "2026-11-21T04:30:00.123456+00:00"),
        # Python reads these and PostgreSQL does not.
        ("2026-W01-1T10:00:00Z", "2025-12-29T10:00:00+00:00"),
        ("2026-11-21T10:00:00+01:00:30", "2026-11-21T08:59:30+00:00"),
    ],
)
def test_moments_are_taken_however_they_are_written(
    images: Images, take_in: TakeIn, analyst: User, written: str, kept: str
) -> None:
    row = f"empty.jpg,robin,0.1,0.1,0.2,0.2,approved,{analyst.pk},{written}"

    take_in("csv", table(row, columns=MOMENTS), keep_reviews=True)

    found = Annotation.objects.get(image=images[2])
    assert found.reviewed_at is not None
    assert found.reviewed_at.isoformat() == kept


@pytest.mark.parametrize(
    "written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-11-21T10:00:00"]
)
def test_moments_that_no_page_could_show_are_refused(
    images: Images, take_in: TakeIn, analyst: User, written: str
) -> None:
    row = f"empty.jpg,robin,0.1,0.1,0.2,0.2,approved,{analyst.pk},{written}"

    [told] = refused(take_in, "csv", table(row, columns=MOMENTS), keep_reviews=True)

    assert f"reviewed_at '{written}' is no moment such as 2026-11-21T10:00:00Z." in told
