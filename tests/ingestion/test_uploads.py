"""Handing files in: what is kept, what is refused, and that a refusal leaves nothing behind."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from accounts.models import User
from audit.models import Entry
from config.storage import AtomicFileSystemStorage
from database.models import SystemSetting
from ingestion.actions import checks, uploads
from ingestion.errors import DialectRefused, StorageFailed, UploadRefused
from ingestion.models import FileStatus, FileUpload
from tests.factories import make_user
from tests.ingestion.conftest import GOOD, Upload, told

pytestmark = pytest.mark.django_db


class Endless(io.RawIOBase):
    """As many zeros as are asked for, without a disk or a memory that holds them."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.left = size

    def read(self, size: int = -1) -> bytes:
        """The next of them."""
        size = min(size, self.left)
        self.left -= size
        return b"0" * size


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_small_file_is_stored_once_and_read_at_once(upload: Upload, storage: Path) -> None:
    made = upload()

    file = FileUpload.objects.get()
    assert (made.created, made.job) == (True, None)
    assert (file.status, file.row_count, file.column_count) == (FileStatus.READY, 2, 3)
    assert file.header == ["name", "f_0", "f_1"]
    assert file.column_kinds == ["text", "number", "number"]
    assert file.file_path is not None
    with default_storage.open(file.file_path) as stored:
        assert stored.read() == GOOD.encode()
    assert len(files_in(storage)) == 1
    assert told() == ["file.uploaded"]


def test_the_same_bytes_of_the_same_person_are_the_same_file(upload: Upload) -> None:
    first, second = upload(), upload(name="again.csv")

    assert (first.file.pk, second.created) == (second.file.pk, False)
    assert told() == ["file.uploaded", "file.uploaded_again"]


@pytest.mark.parametrize("left", [None, b"name,f_"])
def test_bytes_that_the_storage_lost_are_put_back_when_they_are_handed_in_again(
    upload: Upload, storage: Path, analyst: User, left: bytes | None
) -> None:
    file = upload().file
    (path,) = files_in(storage)
    path.unlink() if left is None else path.write_bytes(left)

    assert not upload().created

    assert checks.again(file.pk, by=analyst).status == FileStatus.READY
    entry = Entry.objects.filter(action="file.uploaded_again").get()
    assert entry.details == {"original_filename": "press.csv", "put_back": True}


def test_the_same_bytes_of_two_people_are_two_files_and_lie_once(
    upload: Upload, storage: Path
) -> None:
    first = upload()
    second = upload(by=make_user("analyst"))

    assert first.file.pk != second.file.pk
    assert first.file.file_path == second.file.file_path
    assert len(files_in(storage)) == 1


def test_what_is_wrong_inside_is_told_and_the_file_is_kept(upload: Upload) -> None:
    file = upload("name,f_0\na,1\nb,2,3\n").file

    file.refresh_from_db()
    assert file.status == FileStatus.FAILED
    assert file.error_message is not None
    assert file.error_message.startswith("press.csv, row 2 (line 3): it has 3 cells, the header 2.")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\n\r\n\n", "empty"),
        (b"PK\x03\x04" + b"xl/workbook.xml" + bytes(100), "not_text"),
        (b"PK\x03\x04" + bytes(100), "not_text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not_text"),
        (b"a,b\n1,\0\n", "not_text"),
    ],
)
def test_what_is_no_table_is_refused_and_leaves_nothing_behind(
    upload: Upload, storage: Path, content: bytes, code: str
) -> None:
    with pytest.raises(UploadRefused) as refused:
        upload(content, "x.csv")

    assert refused.value.code == code
    assert str(refused.value).startswith("x.csv: ")
    assert not FileUpload.objects.exists()
    assert files_in(storage) == []
    assert told() == []


def test_a_gigabyte_is_refused_as_soon_as_the_limit_is_passed(analyst: User, storage: Path) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=3 << 20)
    stream = Endless(1 << 30)

    with pytest.raises(UploadRefused, match="larger than 3") as refused:
        uploads.upload(stream, "big.csv", by=analyst)  # type: ignore[arg-type] # a stream it is

    assert refused.value.code == "too_large"
    assert stream.left > (1 << 30) - (5 << 20)
    assert not FileUpload.objects.exists()
    assert files_in(storage) == []


def test_an_admin_may_allow_no_csv(upload: Upload) -> None:
    SystemSetting.objects.create(setting_key="allowed_file_types", setting_value=["png"])

    with pytest.raises(UploadRefused, match="not taken here"):
        upload()


def test_a_full_disk_is_told_and_leaves_nothing_behind(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AtomicFileSystemStorage, "_save", full)
    with pytest.raises(StorageFailed, match="No space left"):
        upload()

    assert not FileUpload.objects.exists()


def test_bytes_go_when_the_database_refuses_the_row(
    upload: Upload, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the audit log is away")

    monkeypatch.setattr(uploads, "record", broken)
    with pytest.raises(RuntimeError):
        upload()

    assert not FileUpload.objects.exists()
    assert files_in(storage) == []


def test_the_same_bytes_in_the_same_moment_are_one_row(
    upload: Upload, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = upload()
    look, looks = uploads._again, []

    def too_early(*given: Any, **named: Any) -> FileUpload | None:
        looks.append(given)
        return None if len(looks) == 1 else look(*given, **named)

    monkeypatch.setattr(uploads, "_again", too_early)
    second = upload(name="second.csv")

    assert (second.file.pk, second.created) == (first.file.pk, False)
    assert len(files_in(storage)) == 1


def test_a_file_that_is_not_utf8_waits_for_somebody_to_look(upload: Upload) -> None:
    made = upload("name,f_0\nMüller,1\n".encode("cp1252"))

    assert (made.file.status, made.file.encoding) == (FileStatus.PENDING, "cp1252")
    assert made.file.waits_for_confirmation
    assert made.job is None
    assert "not UTF-8" in made.file.dialect_doubts[0]


def test_a_program_that_knows_its_files_says_how_they_are_read(upload: Upload) -> None:
    said = {"encoding": "cp1252", "delimiter": ";", "decimal": ","}
    file = upload("name;f_0\nMüller;1,5\n".encode("cp1252"), dialect=said).file

    assert (file.status, file.dialect_confirmed) == (FileStatus.READY, True)
    assert file.column_kinds == ["text", "number"]


def test_a_comma_cannot_be_two_things(upload: Upload) -> None:
    with pytest.raises(DialectRefused, match="both part the cells"):
        upload(dialect={"delimiter": ",", "decimal": ","})


def test_a_large_file_waits_for_a_worker(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.actions.checks.AT_ONCE", 10)

    made = upload()

    assert made.file.status == FileStatus.PENDING
    assert made.job is not None
    assert made.job.file_id == made.file.pk


def test_nobody_changes_which_bytes_a_row_stands_for(upload: Upload) -> None:
    file = upload().file

    with pytest.raises(IntegrityError, match="keeps its bytes"), transaction.atomic():
        FileUpload.objects.filter(pk=file.pk).update(sha256="0" * 64)
    with pytest.raises(IntegrityError, match="cannot go from ready"), transaction.atomic():
        FileUpload.objects.filter(pk=file.pk).update(status=FileStatus.CHECKING)
