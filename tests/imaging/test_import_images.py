"""``manage.py import_images``"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from imaging.models import Image, ProcessingJob
from tests.factories import make_user
from tests.pictures import jpeg

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, one of them below; a text; and what begins with a dot."""
    folder = tmp_path / "survey 2026"
    (folder / "below").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "a.jpg").write_bytes(jpeg())
    (folder / "below" / "b.jpg").write_bytes(jpeg(seed=1))
    (folder / "notes.jpg").write_text("these are notes")
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / ".hidden" / "c.jpg").write_bytes(jpeg(seed=2))
    return folder


def run(*arguments: str | Path, exits: int = 0) -> dict[str, Any]:
    out = io.StringIO()
    if exits:
        with pytest.raises(SystemExit) as ended:
            call_command("import_images", "--json", *map(str, arguments), stdout=out)
        assert ended.value.code == exits
    else:
        call_command("import_images", "--json", *map(str, arguments), stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def test_a_folder_is_taken_in_and_what_is_no_image_is_named(folder: Path, analyst: User) -> None:
    report = run(folder, "--as", analyst.email, exits=1)

    assert (report["stored"], report["already_there"]) == (1, 0)
    assert [Path(one["file"]).name for one in report["refused"]] == ["notes.jpg"]
    assert Image.objects.get().user == analyst
    assert ProcessingJob.objects.count() == 1


def test_recursive_takes_what_is_below_and_again_finds_it_there(
    folder: Path, analyst: User
) -> None:
    (folder / "notes.jpg").unlink()
    assert run(folder, "--recursive", "--as", analyst.email)["stored"] == 2

    again = run(folder, "--recursive", "--as", analyst.email)
    assert (again["stored"], again["already_there"]) == (0, 2)
    assert Image.objects.count() == 2


def test_a_dry_run_takes_nothing_in(folder: Path, analyst: User) -> None:
    report = run(folder, "--recursive", "--dry-run", "--as", analyst.email)

    assert report["files"] == 3
    assert Image.objects.count() == 0


def test_a_path_that_names_nothing_is_said(tmp_path: Path, analyst: User) -> None:
    report = run(tmp_path / "nowhere", "--as", analyst.email, exits=1)

    assert report["refused"][0]["reason"] == "there is no such file."


def test_a_single_file_and_the_only_admin(folder: Path) -> None:
    admin = make_user("admin")
    run(folder / "a.jpg")

    assert Image.objects.get().user == admin


@pytest.mark.parametrize("admins", [0, 2])
def test_without_exactly_one_admin_a_person_must_be_named(folder: Path, admins: int) -> None:
    for _ in range(admins):
        make_user("admin")

    with pytest.raises(CommandError, match="--as EMAIL"):
        call_command("import_images", str(folder))


def test_a_person_who_does_not_exist_is_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match=r"Nobody has the e-mail address no@example.org"):
        call_command("import_images", str(folder), "--as", "no@example.org")


def test_the_outcome_reads_like_a_sentence(folder: Path, analyst: User) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("import_images", str(folder), "--as", analyst.email, stdout=out)

    assert out.getvalue().splitlines()[0] == "1 stored, 0 were there already, 1 refused."
    assert "notes.jpg: " in out.getvalue()


def test_a_pipe_is_refused_instead_of_waited_for(folder: Path, analyst: User) -> None:
    os.mkfifo(folder / "pipe.jpg")
    report = run(folder / "pipe.jpg", folder, "--as", analyst.email, exits=1)

    assert report["stored"] == 1
    reasons = {Path(one["file"]).name: one["reason"] for one in report["refused"]}
    assert reasons["pipe.jpg"] == "it is not a regular file."


def test_odd_paths_are_refused_one_by_one(analyst: User) -> None:
    report = run("", "x" * 5000, "/dev/zero", "--as", analyst.email, exits=1)

    assert [one["reason"] for one in report["refused"]] == [
        "an empty path names nothing.",
        "it cannot be looked at (File name too long).",
        "it is not a regular file.",
    ]


def test_a_name_that_is_no_text_does_not_stop_the_others(folder: Path, analyst: User) -> None:
    odd = os.fsencode(folder) + b"/bad\xff\xfename.png"
    with open(odd, "wb") as file:  # noqa: PTH123 - a name that pathlib cannot hold as bytes
        file.write(jpeg(seed=9))
    (folder / "notes.jpg").unlink()

    assert run(folder, "--as", analyst.email)["stored"] == 2
