"""A machine, its files and a real worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from ingestion.models import FileUpload
from monitoring.actions import requesting
from monitoring.models import Analysis, Anomaly, Dataset, MonitorBlock
from tests.factories import make_dataset, make_user
from tests.jobs.workers import WorkerProcess
from tests.monitoring import watched

# Heavy: a worker and the processes in which it computes take seconds to start.
pytestmark = [pytest.mark.heavy, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def press(transactional_db: None) -> Iterator[Dataset]:
    """A machine; its files lie in the storage that the worker has too, and are gone afterwards."""
    yield make_dataset(make_user("analyst"))
    for path in FileUpload.objects.values_list("file_path", flat=True):
        default_storage.delete(path or "")


def drained(log: Path) -> None:
    worker = WorkerProcess(log, "--drain")
    try:
        assert worker.wait(100) == 0, log.read_text(encoding="utf-8")
    finally:
        worker.kill()


def test_a_real_worker_makes_the_map_and_places_what_comes(press: Dataset, tmp_path: Path) -> None:
    owner, log = press.user, tmp_path / "worker.log"
    watched.config(owner)
    # Each run has bytes of its own, since the storage is shared with other tests.
    healthy = watched.healthy(owner, groups=("a", f"b{os.getpid()}"))
    requesting.request_fit(press, healthy, by=owner)
    drained(log)

    requesting.request_place(press, watched.samples(owner, broken=2), by=owner)
    drained(log)

    found = Analysis.objects.order_by("created_at").values_list("analysis_type", "status")
    assert list(found) == [("fit", "completed"), ("place", "completed")], log.read_text()
    assert MonitorBlock.objects.get().row_count == 20
    assert Anomaly.objects.filter(severity="critical").count() >= 2
