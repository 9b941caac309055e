"""Pictures that no image needs are found; originals by hash, drawings by their image."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError

from database.connections import own_connection
from database.fields import uuid7
from imaging import paths
from imaging.actions import jobs, uploads
from imaging.models import Image
from jobs.housekeeping import unowned
from tests.imaging.conftest import Receive
from tests.imaging.test_uploads import stored_files

pytestmark = pytest.mark.django_db

LOST = paths.original("ab" * 32, "image/jpeg")


def swept(storage: Path) -> list[str]:
    """What goes of a storage in which every file is two days old."""
    written = time.time() - 48 * 3600
    for path in storage.rglob("*"):
        os.utime(path, (written, written))
    figures, found = unowned.search()
    list(unowned.remove(figures, found))
    return sorted(one.path for one in found if not default_storage.exists(one.path))


def test_pictures_of_an_image_stay_and_of_none_go(receive: Receive, storage: Path) -> None:
    image = receive().image
    drawn = paths.layer(image.pk, "0123456789abcdef" * 4, "outline")
    nobody = uuid7()
    lost = [
        paths.layer(nobody, "0123456789abcdef" * 4, "ground"),
        paths.preview(nobody),
        paths.thumbnail(nobody),
        LOST,
    ]
    for path in (drawn, *lost):
        default_storage.save(path, ContentFile(b"x"))

    assert swept(storage) == sorted(lost)
    kept = (image.file_path, image.thumbnail_path, image.preview_path, drawn)
    assert all(default_storage.exists(path) for path in kept)


def test_every_path_that_is_made_has_the_shape_that_is_swept() -> None:
    assert paths.ORIGINAL.fullmatch(paths.original("0f" * 32, "application/unknown"))
    for path in (
        paths.thumbnail(uuid7()),
        paths.preview(uuid7()),
        paths.layer(uuid7(), "ab" * 32, "visualization"),
    ):
        assert paths.PICTURE.fullmatch(path)


def test_an_original_that_somebody_stores_in_this_moment_stays(storage: Path) -> None:
    default_storage.save(LOST, ContentFile(b"x"))
    with own_connection() as other, other.transaction():
        other.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"image {'ab' * 32}"]
        )
        assert swept(storage) == []

    assert swept(storage) == [LOST]


def test_an_image_that_does_not_come_to_be_leaves_no_file(
    receive: Receive, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise DatabaseError("the queue is gone")

    monkeypatch.setattr(jobs, "request", refuse)

    with pytest.raises(DatabaseError, match="the queue is gone"):
        receive()

    assert stored_files(storage) == []
    assert not Image.objects.exists()
    assert uploads.hold("ab" * 32)
