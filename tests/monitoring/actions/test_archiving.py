"""Analyses that are older than a year: in a file with a checksum, and back."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pytest
from django.core.files.base import ContentFile, File
from django.db import connection
from django.utils import timezone
from pyarrow import parquet

from audit.models import Entry
from config.storage import AtomicFileSystemStorage
from monitoring.actions import archiving, completing, requesting
from monitoring.errors import ArchiveDamaged, NotNow
from monitoring.models import Analysis, AnalysisArchive, Anomaly, Dataset
from tests.factories import make_analysis, make_anomaly, make_user
from tests.monitoring.actions.archived import archived, everything

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


def test_what_goes_to_a_file_comes_back_as_it_was(old: Analysis, storage: Path) -> None:
    analyses, anomalies = everything("analyses"), everything("anomalies")

    made = archived()

    assert not Analysis.objects.exists()
    assert not Anomaly.objects.exists()
    data = (storage / made.file_path).read_bytes()
    assert hashlib.sha256(data).hexdigest() == made.sha256
    made.refresh_from_db()
    assert (made.analysis_count, made.anomaly_count, made.first_at) == (1, 2, OLD)
    assert made.file_size == len(data)

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


def test_a_storage_that_garbles_a_file_is_found_out_before_the_rows_go(
    old: Analysis, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = AtomicFileSystemStorage._save

    def garbles(self: AtomicFileSystemStorage, name: str, content: File[bytes]) -> str:
        return save(self, name, ContentFile(content.read()[:-1]))

    monkeypatch.setattr(AtomicFileSystemStorage, "_save", garbles)

    with pytest.raises(ArchiveDamaged, match="it was changed"):
        archived()

    assert (Analysis.objects.count(), Anomaly.objects.count()) == (1, 2)
    assert not [path for path in storage.rglob("*") if path.is_file()]


def test_each_owner_has_a_file_of_their_own(old: Analysis) -> None:
    make_analysis(created_at=OLD, completed_at=OLD)

    assert len({portion.user_id for portion in archiving.due(archiving.limit())}) == 2


def told_by(made: AnalysisArchive, data: bytes, storage: Path) -> None:
    """Put another file there, and its SHA-256 into the row, as only the system can."""
    (storage / made.file_path).write_bytes(data)
    made.sha256 = hashlib.sha256(data).hexdigest()
    made.save(update_fields=["sha256"])


def with_metadata(data: bytes, **said: str | None) -> bytes:
    """The file, saying something else of itself."""
    table = parquet.read_table(pa.BufferReader(data))
    changed = {f"lacuna.{key}".encode(): value for key, value in said.items()}
    metadata = {**table.schema.metadata, **changed}
    sink = pa.BufferOutputStream()
    kept = {key: value for key, value in metadata.items() if value is not None}
    parquet.write_table(table.replace_schema_metadata(kept), sink)
    out: bytes = sink.getvalue().to_pybytes()
    return out


def refused(made: AnalysisArchive, said: str) -> None:
    """Neither read nor brought back, and nothing half-done."""
    with pytest.raises(ArchiveDamaged, match=said) as refusal:
        archiving.examine(made.pk)
    assert made.file_path in str(refusal.value)
    with pytest.raises(ArchiveDamaged, match=said):
        archiving.restore(made.pk)
    assert not Analysis.objects.exists()
    assert not Anomaly.objects.exists()
    made.refresh_from_db()
    assert made.restored_at is None


def test_a_file_that_was_changed_is_not_restored(old: Analysis, storage: Path) -> None:
    made = archived()
    path = storage / made.file_path
    data = path.read_bytes()

    path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    refused(made, "it was changed")
    path.write_bytes(data[:-7])
    refused(made, "it was changed")
    path.unlink()
    refused(made, "is gone from the file storage")


def test_a_file_that_is_no_archive_is_told_from_one(old: Analysis, storage: Path) -> None:
    made = archived()
    whole = (storage / made.file_path).read_bytes()
    plain = pa.BufferOutputStream()
    parquet.write_table(pa.table({"rows": [1, 2]}), plain)
    somebody = str(make_user().pk)
    flat = pa.BufferOutputStream()
    parquet.write_table(
        parquet.read_table(pa.BufferReader(whole)).drop_columns(["anomalies"]), flat
    )

    for data, said in (
        (whole[:-7], "is no whole Parquet file"),
        (whole[: len(whole) // 2] + whole[-8:], "is no whole Parquet file"),
        (b"a,b\n1,2\n", "is no whole Parquet file"),
        (b"", "is no whole Parquet file"),
        (plain.getvalue().to_pybytes(), "but none of archived analyses"),
        (flat.getvalue().to_pybytes(), "has no anomalies beside its analyses"),
        (with_metadata(whole, format="images"), "but none of archived analyses"),
        (with_metadata(whole, version="2"), "has version 2 of the format"),
        (with_metadata(whole, owner=None), "does not say whose analyses"),
        (with_metadata(whole, anomalies="few"), "does not say whose analyses"),
        (with_metadata(whole, owner=somebody), f"anomalies of {somebody}, and archive"),
        (with_metadata(whole, analyses="3"), "has 3 analyses with 2 anomalies"),
    ):
        told_by(made, data, storage)
        refused(made, said)


def test_a_file_that_lacks_rows_is_not_restored(old: Analysis, storage: Path) -> None:
    made = archived()
    table = parquet.read_table(storage / made.file_path)
    sink = pa.BufferOutputStream()
    parquet.write_table(table.slice(0, 0), sink)

    told_by(made, sink.getvalue().to_pybytes(), storage)

    refused(made, "has 0 analyses with 0 anomalies, not the 1 with 2 that it speaks of")


def test_what_the_tables_have_again_is_not_restored_over_it(old: Analysis, press: Dataset) -> None:
    made = archived()
    make_analysis(press, pk=old.pk)

    with pytest.raises(NotNow, match="does not fit the tables any more: duplicate key"):
        archiving.restore(made.pk)

    assert not Anomaly.objects.exists()
    made.refresh_from_db()
    assert made.restored_at is None


def test_analyses_of_which_the_dataset_is_gone_say_so(old: Analysis, press: Dataset) -> None:
    made = archived()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    press.delete()

    with pytest.raises(NotNow, match="Bring back first what its analyses belong to"):
        archiving.restore(made.pk)


def test_an_archive_that_was_never_made_is_named(db: None) -> None:
    nothing = uuid4()

    with pytest.raises(NotNow, match=f"There is no archive {nothing}."):
        archiving.restore(nothing)


def test_what_went_in_the_meantime_is_not_archived_again(old: Analysis) -> None:
    (portion,) = archiving.due(archiving.limit())
    archiving.archive(portion)

    with pytest.raises(NotNow, match="are gone"):
        archiving.archive(portion)

    assert AnalysisArchive.objects.count() == 1


def test_what_is_retried_in_the_meantime_stays(press: Dataset, old: Analysis) -> None:
    failed = make_analysis(
        press,
        status="failed",
        error_message="The disk was full.",
        created_at=old.created_at,
        completed_at=old.completed_at,
    )
    [portion] = archiving.due(archiving.limit())
    assert failed.pk in portion.analysis_ids
    requesting.retry(failed.pk, by=press.user)

    made = archiving.archive(portion)

    assert made.analysis_count == 1
    assert [one.pk for one in Analysis.objects.all()] == [failed.pk]


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
    assert not [path for path in storage.rglob("*") if path.is_file()]
