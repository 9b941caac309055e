"""Analyses that are older than a year: in a file with a checksum, and back."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import Entry
from monitoring.actions import archiving, completing
from monitoring.errors import ArchiveDamaged, NotNow
from monitoring.models import Analysis, AnalysisArchive, Anomaly, Dataset
from tests.factories import make_analysis, make_anomaly

pytestmark = pytest.mark.django_db

OLD = datetime(2025, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def old(press: Dataset) -> Analysis:
    """A placing of long ago with two anomalies."""
    completing.make_months(OLD.date().replace(day=1))
    analysis = make_analysis(press, created_at=OLD, completed_at=OLD)
    make_anomaly(analysis, timestamp=OLD)
    make_anomaly(analysis, timestamp=OLD + timedelta(days=25), severity="critical")
    return analysis


def everything(table: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")
        return [json.loads(row) for (row,) in cursor.fetchall()]


def archived() -> AnalysisArchive:
    (portion,) = archiving.due(archiving.limit())
    return archiving.archive(portion)


def test_what_goes_to_a_file_comes_back_as_it_was(old: Analysis, storage: Path) -> None:
    analyses, anomalies = everything("analyses"), everything("anomalies")

    made = archived()

    assert not Analysis.objects.exists()
    assert not Anomaly.objects.exists()
    data = (storage / made.file_path).read_bytes()
    assert hashlib.sha256(data).hexdigest() == made.sha256
    lines = [json.loads(line) for line in gzip.decompress(data).splitlines()]
    assert lines[0]["format"] == "lacuna-analyses-1"
    assert [line["table"] for line in lines[1:]] == ["analyses", "anomalies", "anomalies"]
    made.refresh_from_db()
    assert (made.analysis_count, made.anomaly_count, made.first_at) == (1, 2, OLD)

    archiving.restore(made.pk)

    assert (everything("analyses"), everything("anomalies")) == (analyses, anomalies)
    with pytest.raises(NotNow, match="was restored at"):
        archiving.restore(made.pk)
    told = list(Entry.objects.order_by("pk").values_list("action", flat=True))
    assert told[-4:] == [
        "analysis_archive.made",
        "dataset.analyses_archived",
        "analysis_archive.restored",
        "dataset.analyses_restored",
    ]


def test_what_is_young_runs_or_is_in_use_stays(press: Dataset, old: Analysis) -> None:
    in_use = make_analysis(press, analysis_type="fit", created_at=OLD, completed_at=OLD)
    make_analysis(press, status="processing", results=None, created_at=OLD)
    make_analysis(press, completed_at=timezone.now())

    (portion,) = archiving.due(archiving.limit())
    assert portion.analysis_ids == (old.pk,)

    # Once a newer map is there, the old one is not in use any more.
    make_analysis(press, analysis_type="fit", completed_at=timezone.now())
    (portion,) = archiving.due(archiving.limit())
    assert set(portion.analysis_ids) == {old.pk, in_use.pk}


def test_each_owner_has_a_file_of_their_own(old: Analysis) -> None:
    make_analysis(created_at=OLD, completed_at=OLD)

    assert len({portion.user_id for portion in archiving.due(archiving.limit())}) == 2


def test_a_file_that_was_changed_is_not_restored(old: Analysis, storage: Path) -> None:
    made = archived()
    path = storage / made.file_path
    path.write_bytes(path.read_bytes() + b"\0")

    with pytest.raises(ArchiveDamaged, match="it was changed"):
        archiving.restore(made.pk)
    path.unlink()
    with pytest.raises(ArchiveDamaged, match="is gone from the file storage"):
        archiving.examine(made.pk)
    assert not Analysis.objects.exists()


def test_when_writing_fails_the_rows_stay_and_no_file_is_left(
    old: Analysis, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **options: object) -> None:
        raise RuntimeError("The log fell.")

    monkeypatch.setattr(archiving, "record", fails)

    with pytest.raises(RuntimeError, match="fell"):
        archived()

    assert Analysis.objects.count() == 1
    assert Anomaly.objects.count() == 2
    assert not list(storage.rglob("*.gz"))
