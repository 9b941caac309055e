"""Real processes on a server of their own, killed in the middle: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from database import embedded
from tests.pictures import disc, encoded
from tests.site import Site

pytestmark = pytest.mark.heavy

IMAGES = 24


@pytest.fixture
def site(open_path: Path) -> Iterator[Site]:
    """Migrated, with one admin and a folder of images taken in, and nobody working yet."""
    site = Site(open_path / "a home")
    site.manage("migrate", "--verbosity", "0")
    site.query(
        "INSERT INTO users (email, password_hash, role)"
        " VALUES ('admin@example.org', '', 'admin') RETURNING id"
    )
    folder = open_path / "pictures"
    folder.mkdir()
    for number in range(IMAGES):
        picture = disc(900, 700, seed=number)
        (folder / f"{number:02}.png").write_bytes(encoded(picture, "PNG"))
    report = json.loads(site.manage("import_images", str(folder), "--json"))
    assert report["stored"] == IMAGES
    yield site
    site.stop()


def completed(site: Site) -> int:
    return site.count("SELECT count(*) FROM processing_queue WHERE status = 'completed'")


def assert_every_image_is_analysed_once(site: Site) -> None:
    assert site.count("SELECT count(*) FROM images WHERE analysis_status = 'completed'") == IMAGES
    assert site.count("SELECT count(*) FROM analysis_results") == IMAGES
    assert site.count("SELECT count(*) FROM analysis_results_history") == 0
    assert site.count("SELECT count(*) FROM processing_queue") == IMAGES
    assert site.count("SELECT count(DISTINCT job_id) FROM analysis_results") == IMAGES


def test_a_worker_killed_in_the_middle_loses_nothing(site: Site) -> None:
    first = site.start_worker()
    site.wait_for(lambda: completed(site) >= 2)
    first.kill()
    first.wait()
    site.start_worker()
    site.wait_for(lambda: completed(site) == IMAGES)

    assert_every_image_is_analysed_once(site)


def test_a_database_killed_in_the_middle_loses_nothing(site: Site) -> None:
    site.start_worker()
    site.wait_for(lambda: completed(site) >= 2)
    postmaster = embedded.status(site.home / "postgres").pid
    assert postmaster
    os.kill(postmaster, signal.SIGKILL)
    site.wait_for(lambda: completed(site) == IMAGES)

    assert_every_image_is_analysed_once(site)
    assert site.workers[0].poll() is None, "the worker lives"


def test_a_file_that_vanishes_fails_its_own_job_alone(site: Site) -> None:
    (path,) = site.query("SELECT file_path FROM images ORDER BY created_at DESC LIMIT 1")[0]
    (site.home / "media" / path).unlink()
    worker = site.start_worker()
    site.wait_for(lambda: completed(site) == IMAGES - 1)
    site.wait_for(
        lambda: site.count("SELECT count(*) FROM processing_queue WHERE status = 'failed'") == 1
    )

    ((reason, retries, status),) = site.query(
        "SELECT q.error_message, q.retry_count, i.analysis_status FROM processing_queue q"
        " JOIN images i ON i.id = q.image_id WHERE q.status = 'failed'"
    )
    assert "is gone" in reason
    assert (retries, status) == (0, "failed")
    assert worker.poll() is None


def test_a_full_disk_is_retried_until_there_is_room(site: Site) -> None:
    derived = site.home / "media" / "derived"
    derived.rename(derived.with_name("full"))
    derived.write_text("where a directory should be: every write below it fails")
    site.start_worker()
    site.wait_for(
        lambda: site.count("SELECT count(*) FROM processing_queue WHERE retry_count > 0") >= 1
    )
    assert site.count("SELECT count(*) FROM analysis_results") == 0

    derived.unlink()
    derived.with_name("full").rename(derived)
    site.wait_for(lambda: completed(site) == IMAGES)

    assert_every_image_is_analysed_once(site)
