"""What can be done with files that are in: said how they are read, joined, read, removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from database.actor import acting_as
from ingestion import stored
from ingestion.actions import checks, dialects, files
from ingestion.errors import DialectRefused, NotNow, SourceLost
from ingestion.models import FileStatus, FileUpload
from ingestion.reading import TableRefused
from tests.factories import make_file, make_user
from tests.ingestion.conftest import GOOD, Upload, told
from tests.ingestion.test_uploads import files_in

pytestmark = pytest.mark.django_db
NAMES: dict[str, Any] = {"end_meta": "name", "start_dim": "f_0", "end_dim": "f_1"}


def confirm(file: FileUpload, by: User, **said: str) -> FileUpload:
    usual = {"encoding": "utf-8", "delimiter": ",", "decimal": "."}
    return dialects.confirm(file.pk, by=by, **(usual | said))


# --- How they are read ----------------------------------------------------------------------------


def test_confirming_how_a_file_is_read_checks_it(upload: Upload, analyst: User) -> None:
    file = upload("name,f_0\nMüller,1\n".encode("cp1252")).file

    confirm(file, analyst, encoding="cp1252")

    file.refresh_from_db()
    assert (file.status, file.dialect_confirmed, file.row_count) == (FileStatus.READY, True, 1)
    assert file.dialect_doubts == []
    assert told() == ["file.uploaded", "file.dialect_confirmed"]


def test_another_way_of_reading_a_file_is_another_outcome(upload: Upload, analyst: User) -> None:
    file = upload("name;f_0\na;1,5\n").file
    assert (file.status, file.decimal_sign) == (FileStatus.READY, ",")

    confirm(file, analyst, delimiter=";")
    file.refresh_from_db()
    assert file.column_kinds == ["text", "text"]

    confirm(file, analyst, encoding="utf-16-le", delimiter=";")
    file.refresh_from_db()
    assert file.status == FileStatus.FAILED
    assert (file.row_count, file.header) == (None, None)


def test_what_is_no_dialect_changes_nothing(upload: Upload, analyst: User) -> None:
    file = upload().file

    with pytest.raises(DialectRefused, match="no delimiter that is read here"):
        confirm(file, analyst, delimiter="#")
    with pytest.raises(DialectRefused, match="no encoding"):
        confirm(file, analyst, encoding="klingon")

    assert told() == ["file.uploaded"]


def test_the_preview_shows_a_trial_without_keeping_it(upload: Upload) -> None:
    file = upload("name;f_0\na;1,5\n").file

    seen = dialects.preview(file)

    assert (seen.header, seen.rows) == (("name", "f_0"), (("a", "1,5"),))
    assert [kind.value for kind in seen.kinds] == ["text", "number"]
    assert seen.problem == ""


def test_a_lost_file_is_told(upload: Upload, storage: Path, analyst: User) -> None:
    file = upload().file
    for path in files_in(storage):
        path.unlink()

    with pytest.raises(SourceLost, match="is gone"):
        dialects.preview(file)
    with pytest.raises(NotNow, match="is gone"):
        confirm(file, analyst)
    file.refresh_from_db()
    assert file.status == FileStatus.READY


# --- Joining --------------------------------------------------------------------------------------


def test_files_with_the_same_columns_become_one_without_copying(
    upload: Upload, analyst: User, storage: Path
) -> None:
    first = upload("name,f_0,f_1\na,1,2\n", "first.csv").file
    second = upload("name;f_0;f_1\nb;3,5;4\n", "second.csv").file

    made = files.merge([second.pk, first.pk], by=analyst)

    made.refresh_from_db()
    assert (made.status, made.row_count, made.column_count) == (FileStatus.READY, 2, 3)
    assert made.original_filename == "second.csv and 1 more"
    assert (made.sha256, made.file_path) == (None, None)
    assert len(files_in(storage)) == 2
    (block, other) = stored.read([made], **NAMES)
    assert block.values.tolist() + other.values.tolist() == [[3.5, 4], [1, 2]]
    assert (block.file, block.before, other.file, other.before) == ("second.csv", 0, "first.csv", 1)
    assert told()[-1] == "file.merged"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("name,f_0\nb,3\n", "it lacks f_1"),
        ("name,f_0,f_1,f_2\nb,3,4,5\n", "it has f_2 besides"),
        ("name,f_1,f_0\nb,3,4\n", "column 2 is f_1 instead of f_0"),
        ("name,f_0,f_1\nb,3\n", "is failed"),
    ],
)
def test_files_that_differ_are_not_joined(
    upload: Upload, analyst: User, content: str, sentence: str
) -> None:
    ids = [upload().file.pk, upload(content, "other.csv").file.pk]

    with pytest.raises(NotNow, match=sentence):
        files.merge(ids, by=analyst)

    assert FileUpload.objects.count() == 2


def test_a_file_is_joined_with_another_once(upload: Upload, analyst: User) -> None:
    file = upload().file

    with pytest.raises(NotNow, match="at least two"):
        files.merge([file.pk], by=analyst)
    with pytest.raises(NotNow, match="named twice"):
        files.merge([file.pk, file.pk], by=analyst)


def test_a_joined_file_is_joined_by_its_parts(upload: Upload, analyst: User) -> None:
    ids = [upload(f"name,f_0,f_1\n{n},1,2\n", f"{n}.csv").file.pk for n in range(3)]
    pair = files.merge(ids[:2], by=analyst, name="pair.csv")

    made = files.merge([pair.pk, ids[2]], by=analyst)

    assert made.merged_files is not None
    assert [part["original_filename"] for part in made.merged_files] == ["0.csv", "1.csv", "2.csv"]
    assert made.original_filename == "pair.csv and 1 more"


# --- Reading --------------------------------------------------------------------------------------


def test_only_what_is_ready_is_read(upload: Upload) -> None:
    with pytest.raises(NotNow, match="only a file that is ready"):
        list(stored.read([upload("name,f_0\na\n").file], **NAMES))


def test_a_file_that_changed_on_the_disk_is_not_read_as_if_nothing_had_happened(
    upload: Upload, storage: Path
) -> None:
    file = upload().file
    (path,) = files_in(storage)

    path.write_bytes(path.read_bytes() + b"c,5,6\n")
    with pytest.raises(TableRefused, match="has grown beyond the 30 bytes"):
        list(stored.read([file], **NAMES))
    path.write_bytes(path.read_bytes()[:24])
    with pytest.raises(TableRefused, match="ends after 24 of the 30 bytes"):
        list(stored.read([file], **NAMES))
    path.write_bytes(GOOD.replace("4", "5").encode())
    with pytest.raises(TableRefused, match="SHA-256"):
        list(stored.read([file], **NAMES))


def test_what_is_read_is_what_was_written(upload: Upload) -> None:
    (block,) = stored.read([upload().file], **NAMES, dtype=np.float32)

    assert block.values.dtype == np.float32
    assert block.values.flags.c_contiguous
    assert block.values.tolist() == [[1.5, 2.0], [-300.0, 4.0]]
    assert block.metadata == [("a",), ("b",)]


# --- Removing -------------------------------------------------------------------------------------


def test_the_last_row_takes_the_bytes_along(
    upload: Upload, analyst: User, storage: Path, django_capture_on_commit_callbacks: Any
) -> None:
    own, another = upload().file, upload(by=make_user("analyst")).file

    with django_capture_on_commit_callbacks(execute=True):
        files.remove(own.pk, by=analyst)
    assert len(files_in(storage)) == 1
    with django_capture_on_commit_callbacks(execute=True):
        files.remove(another.pk, by=another.user)
    assert files_in(storage) == []
    assert told()[-1] == "file.removed"


def test_the_parts_of_a_joined_file_keep_their_bytes(
    upload: Upload, analyst: User, storage: Path, django_capture_on_commit_callbacks: Any
) -> None:
    parts = [upload(f"name,f_0,f_1\n{n},1,2\n", f"{n}.csv").file for n in range(2)]
    made = files.merge([part.pk for part in parts], by=analyst)

    with django_capture_on_commit_callbacks(execute=True):
        for part in parts:
            files.remove(part.pk, by=analyst)

    assert len(list(stored.read([made], **NAMES))) == 2
    with django_capture_on_commit_callbacks(execute=True):
        files.remove(made.pk, by=analyst)
    assert files_in(storage) == []


def test_removing_what_is_not_there_is_refused(analyst: User) -> None:
    with pytest.raises(NotNow, match="There is no file"):
        files.remove(make_user().pk, by=analyst)


# --- Whose they are -------------------------------------------------------------------------------


def test_a_person_sees_and_stores_their_own_files_alone(upload: Upload, analyst: User) -> None:
    foreign = make_file()
    with acting_as(analyst.pk), transaction.atomic():
        mine = upload().file
        assert list(FileUpload.objects.values_list("pk", flat=True)) == [mine.pk]
        with pytest.raises(NotNow):
            files.remove(foreign.pk, by=analyst)
        with pytest.raises(NotNow):
            files.merge([mine.pk, foreign.pk], by=analyst)


def test_the_list_asks_for_no_header(upload: Upload) -> None:
    upload()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        list(FileUpload.objects.defer("header").newest_first())

    assert '"header"' not in asked[0]["sql"]


def test_checking_again_finds_the_same(upload: Upload, analyst: User) -> None:
    file = upload("name,f_0\na\n").file

    again = checks.again(file.pk, by=analyst)

    assert (again.status, again.error_message) == (FileStatus.FAILED, file.error_message)
    assert told() == ["file.uploaded", "file.check_requested"]
