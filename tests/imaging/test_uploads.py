"""Handing images in: what is kept, what is refused, and that nothing is half kept."""

from __future__ import annotations

import errno
import hashlib
import io
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connections
from PIL import Image as Pillow

from config.storage import AtomicFileSystemStorage
from database.models import SystemSetting
from imaging.actions import jobs, uploads
from imaging.errors import StorageFailed, UploadRefused
from imaging.models import Image, ProcessingJob
from tests.factories import make_user
from tests.imaging.conftest import Receive
from tests.pictures import disc, encoded, jpeg, png_of_size

pytestmark = pytest.mark.django_db


def stored_files(storage: Path) -> list[Path]:
    return sorted(path for path in storage.rglob("*") if path.is_file())


def test_an_image_is_stored_with_its_facts_its_pictures_and_a_job(
    receive: Receive, storage: Path
) -> None:
    data = jpeg()
    upload = receive(data, "disc.jpg")

    image = upload.image
    image.refresh_from_db()
    assert upload.created
    assert image.file_hash == hashlib.sha256(data).hexdigest()
    assert (image.file_size, image.mime_type) == (len(data), "image/jpeg")
    assert image.image_dimensions == {"width": 320, "height": 240}
    assert image.analysis_status == "pending"
    assert image.perceptual_hash is not None
    with default_storage.open(image.file_path) as file:
        assert file.read() == data
    with default_storage.open(image.thumbnail_path) as file, Pillow.open(file) as thumbnail:
        assert (thumbnail.format, max(thumbnail.size) <= 256) == ("WEBP", True)
    assert upload.job is not None
    assert ProcessingJob.objects.get().image == image
    assert len(stored_files(storage)) == 3


def test_the_same_bytes_are_stored_once_and_answer_with_the_same_image(
    receive: Receive, storage: Path
) -> None:
    first = receive(jpeg(), "first.jpg")
    before = stored_files(storage)
    again = receive(jpeg(), "other name.png", by=make_user("analyst"))

    assert not again.created
    assert again.image == first.image
    assert again.image.file_name == "first.jpg"
    assert again.image.upload_count == 2
    assert Image.objects.count() == ProcessingJob.objects.count() == 1
    assert stored_files(storage) == before


def test_the_upright_size_is_kept_of_a_picture_taken_sideways(receive: Receive) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turn right by 90 degrees to view
    image = receive(encoded(disc(), exif=exif)).image

    assert image.image_dimensions == {"width": 240, "height": 320}
    with default_storage.open(image.thumbnail_path) as file, Pillow.open(file) as thumbnail:
        assert thumbnail.height > thumbnail.width


REFUSED = {
    "empty": (b"", "empty_file", "the file is empty"),
    "text": (b"this is no picture, whatever its name says\n" * 20, "not_an_image", ""),
    "half a jpeg": (jpeg()[:2000], "truncated", ""),
    "half a png": (encoded(disc(), "PNG")[:3000], "truncated", ""),
    "bomb": (png_of_size(60_000, 60_000), "too_many_pixels", ""),
    "no width": (png_of_size(0, 10), "zero_size", ""),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_taken_is_refused_by_name_and_leaves_nothing(
    case: str, receive: Receive, storage: Path
) -> None:
    data, code, said = REFUSED[case]
    with pytest.raises(UploadRefused) as refused:
        receive(data, "holiday.jpg")

    assert refused.value.code == code
    assert str(refused.value).startswith("holiday.jpg: ")
    assert said in str(refused.value)
    assert Image.objects.count() == ProcessingJob.objects.count() == 0
    assert stored_files(storage) == []


KINDS = {
    "CMYK": (encoded(disc().convert("CMYK")), "image/jpeg"),
    "16 bits": (encoded(disc().convert("L").convert("I;16"), "PNG"), "image/png"),
    "palette": (encoded(disc().quantize(16), "PNG"), "image/png"),
    "grey": (encoded(disc().convert("L")), "image/jpeg"),
    "bilevel": (encoded(disc().convert("1"), "TIFF"), "image/tiff"),
    "alpha": (encoded(disc().convert("RGBA"), "WEBP"), "image/webp"),
    "animated": (
        encoded(disc(), "GIF", save_all=True, append_images=[disc(seed=1)]),
        "image/gif",
    ),
    "one pixel": (encoded(Pillow.new("RGB", (1, 1)), "PNG"), "image/png"),
    "a line": (encoded(Pillow.new("RGB", (1, 30_000)), "PNG"), "image/png"),
    "wrong ending": (encoded(disc(), "BMP"), "image/bmp"),
}


@pytest.mark.parametrize("case", KINDS)
def test_every_kind_of_picture_is_taken_by_its_content(case: str, receive: Receive) -> None:
    data, kind = KINDS[case]
    upload = receive(data, "picture.jpg")

    assert upload.created
    assert upload.image.mime_type == kind


def test_a_name_of_ten_thousand_characters_is_shortened(receive: Receive) -> None:
    image = receive(name="a" * 10_000 + ".jpg").image

    assert len(image.file_name) == 512
    assert image.file_name.endswith("….jpg")
    assert image.metadata["name_as_given"].startswith("aaa")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a/b/c.jpg", "c.jpg"),
        ("nul\x00byte\n.jpg", "nulbyte.jpg"),
        ("..", "unnamed"),
        ("   ", "unnamed"),
        ("\u202egpj.exe", "gpj.exe"),
    ],
)
def test_a_name_cannot_lead_anywhere(
    given: str, shown: str, receive: Receive, storage: Path
) -> None:
    image = receive(name=given).image

    assert image.file_name == shown
    assert image.file_hash in image.file_path
    assert all(storage in path.parents for path in stored_files(storage))


def test_a_file_over_the_limit_is_refused_with_the_limit(receive: Receive, storage: Path) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=1000)

    with pytest.raises(UploadRefused, match="disc.jpg: the file is larger than 1.0.kB"):
        receive()
    assert stored_files(storage) == []


def test_only_as_much_is_read_as_may_be_kept(analyst: Any) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=1000)

    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"x" * size

    endless = Endless()
    with pytest.raises(UploadRefused, match="larger than"):
        uploads.receive(endless, name="endless", by=analyst)  # type: ignore[arg-type] # a mere reader
    assert endless.given <= 2 << 20


def test_a_kind_that_is_not_allowed_is_refused(receive: Receive) -> None:
    SystemSetting.objects.create(setting_key="allowed_file_types", setting_value=["png"])

    with pytest.raises(UploadRefused, match=r"JPEG files are not taken here. Taken are: png"):
        receive()


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_full_disk_leaves_nothing_behind(
    fails_at: int, receive: Receive, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    real = FileSystemStorage.save

    def save(self: Any, name: Any, content: Any, max_length: Any = None) -> str:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, name, content, max_length)

    monkeypatch.setattr(AtomicFileSystemStorage, "save", save)
    with pytest.raises(StorageFailed, match=r"disc.jpg: it could not be stored \(No space left"):
        receive()

    assert stored_files(storage) == []
    assert Image.objects.count() == ProcessingJob.objects.count() == 0


def test_a_failing_database_leaves_no_file(
    receive: Receive, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise RuntimeError("the database went away")

    monkeypatch.setattr(jobs, "request", broken)
    with pytest.raises(RuntimeError):
        receive()

    assert stored_files(storage) == []
    assert Image.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_same_bytes_handed_in_at_once_become_one_image(storage: Path) -> None:
    person = make_user("analyst")
    outcomes: list[uploads.Upload] = []

    def hand_in() -> None:
        try:
            outcomes.append(uploads.receive(io.BytesIO(jpeg()), name="same.jpg", by=person))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=hand_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    image = Image.objects.get()
    assert [upload.created for upload in outcomes].count(True) == 1
    assert {upload.image.pk for upload in outcomes} == {image.pk}
    assert image.upload_count == 4
    assert ProcessingJob.objects.count() == 1
    with default_storage.open(image.file_path) as file:
        assert file.read() == jpeg()
    assert len(stored_files(storage)) == 3
