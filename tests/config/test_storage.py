"""A stored file is whole, or it is not there."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile, File

from config.storage import AtomicFileSystemStorage


@pytest.fixture
def storage(tmp_path: Path) -> AtomicFileSystemStorage:
    return AtomicFileSystemStorage(location=tmp_path)


if TYPE_CHECKING:
    _Content = ContentFile[bytes]
else:
    _Content = ContentFile


class Breaking(_Content):
    """Ends in the middle, as a full disk or a lost connection would."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, "No space left on device")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_stored_under_the_name_it_was_given(
    storage: AtomicFileSystemStorage, tmp_path: Path
) -> None:
    assert storage.save("a/b/c.bin", ContentFile(b"whole")) == "a/b/c.bin"
    assert (tmp_path / "a/b/c.bin").read_bytes() == b"whole"
    assert storage.save("a/b/c.bin", ContentFile(b"again")) == "a/b/c.bin"
    assert files(tmp_path) == [tmp_path / "a/b/c.bin"]


def test_nothing_is_left_of_a_file_that_could_not_be_finished(
    storage: AtomicFileSystemStorage, tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="No space left"):
        storage.save("new.bin", Breaking(b""))

    assert files(tmp_path) == []


def test_the_old_content_stays_when_the_new_could_not_be_finished(
    storage: AtomicFileSystemStorage, tmp_path: Path
) -> None:
    storage.save("old.bin", ContentFile(b"old"))
    with pytest.raises(OSError, match="No space left"):
        storage.save("old.bin", Breaking(b""))

    assert (tmp_path / "old.bin").read_bytes() == b"old"
    assert files(tmp_path) == [tmp_path / "old.bin"]


def test_a_stored_file_is_not_for_everybody(
    storage: AtomicFileSystemStorage, tmp_path: Path
) -> None:
    storage.save("x.bin", File(ContentFile(b"x")))

    assert (tmp_path / "x.bin").stat().st_mode & 0o007 == 0
