"""``manage.py export_annotations`` and ``manage.py import_annotations``"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from annotations.exchange.formats import FORMATS
from annotations.models import Annotation
from imaging.models import Image
from tests.annotations.exchange.conftest import forget_boxes
from tests.annotations.making import make_collection

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: str | Path, exits: int = 0) -> dict[str, Any]:
    out = io.StringIO()
    if exits:
        with pytest.raises(SystemExit) as ended:
            call_command(command, "--json", *map(str, arguments), stdout=out)
        assert ended.value.code == exits
    else:
        call_command(command, "--json", *map(str, arguments), stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def said(command: str, *arguments: str | Path) -> str:
    out = io.StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_goes_out_and_comes_in(
    kind: str, images: Sequence[Image], admin: User, tmp_path: Path
) -> None:
    file = tmp_path / f"out{FORMATS[kind].suffix}"
    report = run("export_annotations", file, "--format", kind)

    assert (report["images"], report["boxes"], report["images_without_boxes"]) == (3, 3, 1)
    assert report["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert list(tmp_path.iterdir()) == [file]
    forget_boxes()
    report = run("import_annotations", file, "--format", kind, "--keep-reviews")
    assert (report["boxes"], report["already_there"]) == (3, 0)
    again = run("export_annotations", file, "--format", kind, "--overwrite")
    assert again["sha256"] == report["sha256"]


def test_conditions_are_given_by_name(images: Sequence[Image], admin: User, tmp_path: Path) -> None:
    make_collection(images[0], images[2], name="Gulls")
    report = run(
        "export_annotations", tmp_path / "a.csv", "--format", "csv", "--collection", "Gulls",
        "--status", "pending", "--label", "robin", "--provider", "local", "--only-with-boxes",
    )  # fmt: skip

    assert (report["images"], report["boxes"]) == (1, 1)


def test_a_dry_run_of_an_export_counts_and_writes_nothing(
    images: Sequence[Image], admin: User, tmp_path: Path
) -> None:
    text = said("export_annotations", tmp_path / "a.csv", "--format", "csv", "--dry-run")

    assert text == f"Would write 3 boxes in 3 images to {tmp_path / 'a.csv'}.\n"
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_says_why_and_leaves_nothing(
    images: Sequence[Image], admin: User, tmp_path: Path
) -> None:
    there = tmp_path / "there.json"
    there.write_text("mine")
    for arguments, says in (
        ([there], "is there already"),
        ([tmp_path / "a", "--collection", "Owls"], "There is no collection 'Owls'"),
        ([tmp_path / "no" / "a"], "cannot be written"),
        ([tmp_path / "a", "--as", "nobody@example.org"], "Nobody has the e-mail address"),
    ):
        with pytest.raises(CommandError, match=says):
            run("export_annotations", *arguments, "--format", "coco")
    Image.objects.update(image_dimensions={})
    with pytest.raises(CommandError, match="width and height are not known"):
        run("export_annotations", tmp_path / "a", "--format", "coco")

    assert list(tmp_path.iterdir()) == [there]
    assert there.read_text() == "mine"


def test_what_is_wrong_with_a_file_is_said_by_line(
    images: Sequence[Image], admin: User, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("file_name,label,left,top,right,bottom\nfirst.jpg,a,0,0,2,1\nx.jpg,a,0,0,1,1\n")
    before = Annotation.objects.count()
    report = run("import_annotations", file, "--format", "csv", exits=1)

    assert [one["where"] for one in report["refused"]] == ["a.csv, line 2", "a.csv, line 3"]
    assert report["problems"] == 2
    assert Annotation.objects.count() == before
    with pytest.raises(CommandError, match="cannot be read"):
        run("import_annotations", tmp_path / "none.csv", "--format", "csv")


def test_options_reach_the_reader(images: Sequence[Image], admin: User, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(
        "file_name,label,left,top,right,bottom\nfirst.jpg,a,0,0,2,1\nfirst.jpg,b,0,0,1,1\n"
    )

    text = said("import_annotations", file, "--format", "csv", "--clip", "--dry-run")
    assert text.startswith("Would store 2 boxes in 1 images; 0 were there already.\n1 reached out")
    report = run(
        "import_annotations", file, "--format", "csv", "--clip", "--most-boxes", "1", exits=1
    )
    assert "more than 1 boxes" in report["refused"][0]["sentence"]


def test_an_import_is_somebodys(
    images: Sequence[Image], admin: User, analyst: User, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("file_name,label,left,top,right,bottom\nfirst.jpg,owl,0,0,1,1\n")
    run("import_annotations", file, "--format", "csv", "--as", analyst.email)

    assert Annotation.objects.get(label="owl").user == analyst
    with pytest.raises(CommandError, match="Only moderators and admins"):
        run("import_annotations", file, "--format", "csv", "--as", analyst.email, "--keep-reviews")
