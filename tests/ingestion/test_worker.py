"""A large file and a real worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from ingestion.models import FileCheck, FileStatus, FileUpload
from tests.ingestion.conftest import Upload
from tests.jobs.workers import WorkerProcess

# Heavy: a worker and the processes in which it computes take seconds to start.
pytestmark = [pytest.mark.heavy, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def storage(transactional_db: None) -> Iterator[None]:
    """The storage that the worker has too, without what the test leaves there."""
    yield
    for path in FileUpload.objects.values_list("file_path", flat=True):
        default_storage.delete(path or "")


def test_a_real_worker_reads_a_large_file_to_its_end(
    upload: Upload, storage: None, tmp_path: Path
) -> None:
    rows = 600_000
    upload("name,f_0,f_1\n" + "press,1.25,-3e2\n" * rows, "large.csv")
    wrong = upload("name,f_0,f_1\n" + "press,1.25,-3e2\n" * rows + "press,1\n", "wrong.csv")
    assert wrong.file.status == FileStatus.PENDING

    worker = WorkerProcess(tmp_path / "worker.log", "--drain")
    try:
        assert worker.wait(90) == 0, (tmp_path / "worker.log").read_text(encoding="utf-8")
    finally:
        worker.kill()

    large = FileUpload.objects.get(original_filename="large.csv")
    assert (large.status, large.row_count) == (FileStatus.READY, rows)
    said = FileUpload.objects.get(original_filename="wrong.csv").error_message or ""
    assert said.startswith("wrong.csv, row 600,001 (line 600,002): it has 2 cells, the header 3.")
    assert set(FileCheck.objects.values_list("status", flat=True)) == {"done"}
