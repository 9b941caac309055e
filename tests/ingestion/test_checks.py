"""Large files: checked by a worker, with progress, and stopped when somebody asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from ingestion import handlers
from ingestion.actions import checks, dialects, files
from ingestion.errors import NotNow, SourceLost
from ingestion.models import FileCheck, FileStatus, FileUpload
from jobs.context import current
from jobs.errors import Cancelled
from jobs.retry import GiveUp
from tests.ingestion.conftest import Upload, told
from tests.ingestion.test_uploads import files_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "AT_ONCE", 0)
    monkeypatch.setattr(handlers, "_SECONDS_BETWEEN_LOOKS", -1.0)


def taken(job: FileCheck | None) -> FileCheck:
    """The job as a worker holds it."""
    assert job is not None
    FileCheck.objects.filter(pk=job.pk).update(
        status="running", attempt=job.attempt + 1, worker_id="a test", started_at=timezone.now()
    )
    return FileCheck.objects.get(pk=job.pk)


def worked_on(job: FileCheck | None) -> None:
    held = taken(job)
    token = current.set(("file_checks", held))
    try:
        handlers.check_file(held)
    finally:
        current.reset(token)


def test_a_worker_counts_the_rows_and_the_file_is_ready(upload: Upload, analyst: User) -> None:
    made = upload()
    assert made.file.status == FileStatus.PENDING

    worked_on(made.job)

    file = FileUpload.objects.get()
    assert (file.status, file.row_count, file.column_count) == (FileStatus.READY, 2, 3)
    job = FileCheck.objects.get()
    assert (job.status, job.progress_total) == ("done", 1)
    assert job.user_id == analyst.pk
    assert told() == ["file.uploaded", "file.checked"]


def test_a_file_that_is_wrong_makes_a_check_that_is_done(upload: Upload) -> None:
    made = upload("name,f_0\na,1\nb,2,3\n")

    worked_on(made.job)

    file = FileUpload.objects.get()
    assert (file.status, FileCheck.objects.get().status) == (FileStatus.FAILED, "done")
    assert file.error_message is not None
    assert "row 2 (line 3)" in file.error_message


def test_a_file_that_is_gone_fails_the_check_for_good(upload: Upload, storage: Path) -> None:
    made = upload()
    for path in files_in(storage):
        path.unlink()

    with pytest.raises(SourceLost, match="is gone"):
        worked_on(made.job)


def test_a_file_that_grew_is_told_as_lost_not_as_wrong(upload: Upload, storage: Path) -> None:
    made = upload()
    (path,) = files_in(storage)
    path.write_bytes(path.read_bytes() + b"c,5,6\n")

    with pytest.raises(SourceLost, match="changed while it was read"):
        worked_on(made.job)


def test_a_check_that_could_not_be_made_says_so_on_the_file(upload: Upload) -> None:
    job = taken(upload().job)
    assert FileUpload.objects.get().status == FileStatus.CHECKING

    FileCheck.objects.fail(job, "The disk is away.", permanent=True)

    file = FileUpload.objects.get()
    assert file.status == FileStatus.FAILED
    assert file.error_message == "It could not be checked: The disk is away."
    assert told() == ["file.uploaded", "file.checked"]


def test_a_failed_check_that_is_retried_takes_the_file_back(upload: Upload) -> None:
    job = taken(upload().job)
    FileCheck.objects.fail(job, "The disk is away.", permanent=True)

    FileCheck.objects.filter(pk=job.pk).retry()
    file = FileUpload.objects.get()
    assert (file.status, file.error_message) == (FileStatus.PENDING, None)
    worked_on(FileCheck.objects.get())
    assert FileUpload.objects.get().status == FileStatus.READY


def test_a_check_is_stopped_when_somebody_asks(upload: Upload) -> None:
    job = taken(upload().job)
    FileCheck.objects.filter(pk=job.pk).cancel()

    with pytest.raises(Cancelled):
        handlers.check_file(FileCheck.objects.get())


def test_a_file_is_left_alone_while_it_is_checked(upload: Upload, analyst: User) -> None:
    made = upload()
    taken(made.job)

    for change in (
        lambda: files.remove(made.file.pk, by=analyst),
        lambda: checks.again(made.file.pk, by=analyst),
        lambda: dialects.confirm(
            made.file.pk, encoding="utf-8", delimiter=";", decimal=".", by=analyst
        ),
    ):
        with pytest.raises(NotNow, match="being checked at this moment"):
            change()


def test_saying_how_a_file_is_read_while_it_waits_keeps_its_place(
    upload: Upload, analyst: User
) -> None:
    made = upload("name;f_0\na;1\n")

    dialects.confirm(made.file.pk, encoding="utf-8", delimiter=";", decimal=",", by=analyst)

    assert FileCheck.objects.count() == 1
    worked_on(FileCheck.objects.get())
    assert FileUpload.objects.get().status == FileStatus.READY


def test_a_check_that_was_cancelled_leaves_the_file_to_be_checked_again(
    upload: Upload, analyst: User
) -> None:
    made = upload()
    FileCheck.objects.filter(pk=taken(made.job).pk).cancel()
    FileCheck.objects.update(status="cancelled")
    assert FileUpload.objects.get().status == FileStatus.PENDING

    checks.again(made.file.pk, by=analyst)

    worked_on(FileCheck.objects.get(status="queued"))
    assert FileUpload.objects.get().status == FileStatus.READY


def test_a_file_that_waits_is_removed_with_its_check(upload: Upload, analyst: User) -> None:
    files.remove(upload().file.pk, by=analyst)

    assert not FileCheck.objects.exists()
    assert not FileUpload.objects.exists()


def test_a_file_that_nobody_wants_checked_any_more_is_not(upload: Upload) -> None:
    job = taken(upload().job)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE file_uploads SET status = 'pending'")

    with pytest.raises(GiveUp, match="no check of it is wanted"):
        handlers.check_file(FileCheck.objects.get(pk=job.pk))


def test_the_loops_are_compiled_before_the_first_file() -> None:
    handlers.warm_up()
