"""Uploads killed between storing and committing: what they leave behind is found, and goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from database import embedded
from tests.pictures import disc, encoded
from tests.site import Site

pytestmark = pytest.mark.heavy

UPLOAD = """
import io
from accounts.models import User
from database.actor import acting_as
from ingestion.actions import uploads
person = User.objects.get()
with acting_as(person.pk):
    uploads.upload(io.BytesIO(b"name,f_0\\na,1\\n"), "press.csv", by=person)
"""


@pytest.fixture
def site(open_path: Path) -> Iterator[Site]:
    """Migrated, with one admin, and a picture to be taken in."""
    site = Site(open_path / "home")
    site.manage("migrate", "--verbosity", "0")
    site.query(
        "INSERT INTO users (email, password_hash, role)"
        " VALUES ('admin@example.org', '', 'admin') RETURNING id"
    )
    (open_path / "disc.png").write_bytes(encoded(disc(300, 200), "PNG"))
    yield site
    site.stop()


def stored(site: Site) -> dict[str, Path]:
    """Every file in the storage, by its path there."""
    media = site.home / "media"
    return {path.relative_to(media).as_posix(): path for path in media.rglob("*") if path.is_file()}


def kill_before_commit(site: Site, table: str, files: int, *arguments: str) -> None:
    """Run a command that stores so many more files and then writes to the table; kill it there."""
    before = len(stored(site))
    with psycopg.connect(
        host=str(embedded.ensure_running(site.home / "postgres")),
        user="lacuna_owner",
        dbname="lacuna",
    ) as guard:
        guard.execute(f"LOCK TABLE {table} IN SHARE MODE")
        upload = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
            env=site.environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            site.wait_for(lambda: len(stored(site)) == before + files)
            site.wait_for(
                lambda: site.count("SELECT count(*) FROM pg_locks WHERE NOT granted") == 1
            )
        finally:
            upload.kill()
            upload.wait()
    site.wait_for(
        lambda: site.count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    )


def swept(site: Site, *arguments: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(site.manage("cleanup_storage", "--json", *arguments))
    return report


def test_what_a_killed_upload_stored_goes_and_what_came_to_be_stays(site: Site) -> None:
    picture = str(site.home.parent / "disc.png")
    kill_before_commit(site, "file_uploads", 1, "shell", "-v", "0", "-c", UPLOAD)
    kill_before_commit(site, "processing_queue", 3, "import_images", picture)
    assert site.count("SELECT (SELECT count(*) FROM images) + (SELECT count(*) FROM file_uploads)"
                      ) == 0  # fmt: skip
    left = stored(site)
    assert sorted(path.partition("/")[0] for path in left) == [
        "derived",
        "derived",
        "files",
        "originals",
    ]

    assert swept(site)["files"] == 0, "they may belong to an upload under way"
    day_before = time.time() - 25 * 3600
    for path in left.values():
        os.utime(path, (day_before, day_before))
    report = swept(site, "--dry-run")
    assert (report["files"], report["bytes"]) == (
        4,
        sum(path.stat().st_size for path in left.values()),
    )
    # The bytes handed in again are a file like any other, though they were there before.
    site.manage("shell", "-v", "0", "-c", UPLOAD)
    report = swept(site)

    assert (report["files"], report["kept"]) == (3, 0)
    assert [path.partition("/")[0] for path in stored(site)] == ["files"]
    assert (
        site.query("SELECT details ->> 'files' FROM audit_log WHERE action = 'storage.cleaned'")
    ) == [("3",)]
