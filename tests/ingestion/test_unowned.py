"""Bytes of files that no row needs are found; those that any row needs, whoever's, never."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from accounts.models import User
from database.actor import acting_as
from database.connections import own_connection
from ingestion import paths
from ingestion.actions import files
from jobs.housekeeping import unowned
from tests.factories import make_user
from tests.ingestion.conftest import Upload

pytestmark = pytest.mark.django_db

LOST = paths.stored("ab" * 32)


def swept(storage: Path) -> list[str]:
    """What goes of a storage in which every file is two days old."""
    written = time.time() - 48 * 3600
    for path in storage.rglob("*"):
        os.utime(path, (written, written))
    figures, found = unowned.search()
    list(unowned.remove(figures, found))
    return sorted(one.path for one in found if not default_storage.exists(one.path))


def test_bytes_of_any_row_stay_and_of_none_go(upload: Upload, storage: Path) -> None:
    kept = upload().file.file_path
    other = make_user("analyst")
    with acting_as(other.pk):
        theirs = upload("a,f_0\nx,1\n", by=other).file.file_path
        default_storage.save(LOST, ContentFile(b"left behind"))
        (storage / LOST).with_name(".incoming-abc").write_bytes(b"left be")

        gone = swept(storage)

    assert gone == [LOST.replace(LOST[-68:], ".incoming-abc"), LOST]
    assert kept
    assert theirs
    assert default_storage.exists(kept)
    assert default_storage.exists(theirs)


def test_bytes_of_a_joined_file_stay_when_its_parts_are_removed(
    upload: Upload, analyst: User, storage: Path
) -> None:
    parts = [upload().file, upload("name,f_0,f_1\nz,9,8\n").file]
    files.merge([part.pk for part in parts], by=analyst)
    for part in parts:
        files.remove(part.pk, by=analyst)

    assert swept(storage) == []


def test_bytes_that_a_row_names_otherwise_than_by_their_hash_stay(
    upload: Upload, storage: Path
) -> None:
    file = upload().file
    default_storage.save(LOST, ContentFile(b"x"))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO file_uploads (user_id, original_filename, file_size, file_path)"
            " SELECT user_id, 'plain.csv', 1, %s FROM file_uploads WHERE id = %s",
            [LOST, file.pk],
        )

    assert swept(storage) == []


def test_bytes_that_somebody_stores_in_this_moment_stay(storage: Path) -> None:
    default_storage.save(LOST, ContentFile(b"x"))
    with own_connection() as other, other.transaction():
        other.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"file {'ab' * 32}"]
        )
        assert swept(storage) == []

    assert swept(storage) == [LOST]


def test_an_upload_of_bytes_that_were_left_behind_keeps_them(upload: Upload, storage: Path) -> None:
    upload()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM file_uploads")
    again = upload().file

    assert swept(storage) == []
    assert default_storage.exists(again.file_path or "")
