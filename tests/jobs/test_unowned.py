"""Stored files that no row needs: found by age and shape, asked for anew, removed and counted."""

from __future__ import annotations

import io
import json
import os
import re
import time
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from audit.models import Entry
from jobs import schedule
from jobs.errors import TooManyUnowned
from jobs.housekeeping import unowned
from jobs.models import RecurringJob
from jobs.schedule import running

pytestmark = pytest.mark.django_db

HOUR = 3600


class Shelf:
    """Files ``shelf/<letters>.txt``, of which ``needed`` have a row."""

    def __init__(self, storage: Path) -> None:
        self.folder = storage / "shelf"
        self.needed: set[str] = set()
        self.busy: set[str] = set()
        self.asked: list[set[str]] = []

    def put(self, name: str, *, hours: float = 30, size: int = 10) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        written = time.time() - hours * HOUR
        os.utime(path, (written, written))
        return path

    def area(self) -> unowned.Area:
        def needed(stored: Collection[str]) -> set[str]:
            self.asked.append(set(stored))
            return self.needed & set(stored)

        return unowned.Area(
            folder="shelf",
            shape=re.compile(r"shelf/(?:[a-z]+/)?[a-z]+\.txt"),
            needed=needed,
            free=lambda path: path not in self.busy,
        )

    def names(self) -> list[str]:
        return sorted(
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file()
        )


@pytest.fixture
def shelf(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "config.storage.AtomicFileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        },
    }
    made = Shelf(tmp_path)
    monkeypatch.setattr(unowned, "_AREAS", {"shelf": made.area()})
    return made


def run(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("cleanup_storage", "--json", *arguments, stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def told() -> list[dict[str, Any]]:
    rows = Entry.objects.filter(action="storage.cleaned").order_by("pk")
    return [entry.details for entry in rows]


def test_old_files_without_a_row_go_and_every_other_stays(shelf: Shelf) -> None:
    shelf.needed = {"shelf/owned.txt"}
    shelf.put("owned.txt")
    shelf.put("deep/lost.txt", size=7)
    shelf.put(".incoming-abc", size=5)
    shelf.put(".incoming-now", hours=1)
    shelf.put("fresh.txt", hours=23)
    shelf.put("README.md")

    report = run()

    assert shelf.names() == [".incoming-now", "README.md", "fresh.txt", "owned.txt"]
    figures = {"seen": 3, "files": 1, "bytes": 7, "parts": 1, "part_bytes": 5, "kept": 0}
    assert {name: report[name] for name in figures} == figures
    assert report["folders"] == {"shelf": {"found": 2, "bytes": 12}}
    assert told() == [{"files": 1, "bytes": 7, "parts": 1, "part_bytes": 5}]
    assert run()["files"] == 0
    assert len(told()) == 1


def test_a_dry_run_counts_and_removes_nothing(shelf: Shelf) -> None:
    shelf.put("lost.txt", size=1500)
    out = io.StringIO()

    call_command("cleanup_storage", "--dry-run", stdout=out)

    assert shelf.names() == ["lost.txt"]
    first, second = out.getvalue().splitlines()
    assert first.replace("\u00a0", " ").startswith("Would remove 1 files (1.5 kB) and 0 parts")
    assert second.startswith("  shelf: 1 found")
    assert told() == []


def test_an_age_at_which_an_upload_may_be_under_way_is_refused(shelf: Shelf) -> None:
    shelf.put("lost.txt", hours=8)

    with pytest.raises(CommandError, match="hours from 6 to"):
        run("--older-than", "5")
    with pytest.raises(ValueError, match="may belong to an upload under way"):
        unowned.search(timedelta(hours=5))

    assert run("--older-than", "6")["files"] == 1
    assert shelf.names() == []


def test_what_is_stored_needed_or_written_again_meanwhile_stays(shelf: Shelf) -> None:
    for name in ("busy.txt", "found.txt", "again.txt", "lost.txt", "gone.txt"):
        shelf.put(name)
    swept, found = unowned.search()
    assert swept.files == 5

    shelf.busy = {"shelf/busy.txt"}
    shelf.needed = {"shelf/found.txt"}
    shelf.put("again.txt", hours=0)
    (shelf.folder / "gone.txt").unlink()
    [done] = unowned.remove(swept, found)

    assert shelf.names() == ["again.txt", "busy.txt", "found.txt"]
    assert (done.files, done.kept) == (1, 4)


def test_a_storage_beside_another_database_is_left_alone(shelf: Shelf) -> None:
    for number in range(101):
        shelf.put(f"{'x' * (number + 1)}.txt")
    shelf.put(".incoming-abc")

    with pytest.raises(CommandError, match="101 of 101 stored files have no row. .* another data"):
        run()
    assert len(shelf.names()) == 102
    with pytest.raises(TooManyUnowned, match="--however-many"):
        list(unowned.remove(*unowned.search()))
    assert TooManyUnowned.permanent

    assert run("--however-many")["files"] == 101
    assert shelf.names() == []


def test_a_file_that_cannot_be_removed_is_told_of_and_the_rest_go(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.put("lost.txt")
    shelf.put("stuck.txt")
    unlink = os.remove

    def refuse(path: str, **options: Any) -> None:
        if path.endswith("stuck.txt"):
            raise PermissionError(13, "Permission denied")
        unlink(path, **options)

    monkeypatch.setattr(os, "remove", refuse)

    report = run()

    assert (report["files"], report["kept"]) == (1, 1)
    assert shelf.names() == ["stuck.txt"]


def test_the_schedule_removes_them_every_night(shelf: Shelf) -> None:
    shelf.put("lost.txt")
    schedule.synchronise()
    asked = schedule.run_now("cleanup_storage")
    [job] = RecurringJob.objects.claim("w1", 1, time_limit=timedelta(minutes=1))
    assert job.pk == asked.pk

    running.run(job)

    job.refresh_from_db()
    assert job.progress_message == "1 files and 0 parts removed, of 1 looked at"
    assert shelf.names() == []
