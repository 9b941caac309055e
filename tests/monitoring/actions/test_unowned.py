"""Archives without a row are found; those with one, restored ones too, never."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from jobs.housekeeping import unowned
from monitoring.actions import archiving
from monitoring.models import Dataset
from tests.factories import make_analysis
from tests.monitoring.actions.archived import archived
from tests.monitoring.actions.test_archiving import OLD

pytestmark = pytest.mark.django_db


def test_an_archive_with_a_row_stays_and_without_one_goes(press: Dataset, storage: Path) -> None:
    make_analysis(press, created_at=OLD, completed_at=OLD)
    made = archived()
    archiving.restore(made.pk)
    lost = f"monitoring/archive/{uuid4()}/{uuid4()}.parquet"
    default_storage.save(lost, ContentFile(b"PAR1"))
    written = time.time() - 48 * 3600
    for path in storage.rglob("*"):
        os.utime(path, (written, written))

    list(unowned.remove(*unowned.search()))

    assert not default_storage.exists(lost)
    assert default_storage.exists(made.file_path)
