"""What the schedule runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from jobs.models import RecurringJob
from jobs.retry import GiveUp
from jobs.schedule.declarations import entry
from monitoring import schedule
from monitoring.actions import archiving, completing, packing, requesting
from monitoring.errors import NotNow
from monitoring.models import Analysis, AnalysisArchive, Dataset, PackedBlock
from tests.factories import make_analysis
from tests.monitoring import watched

pytestmark = pytest.mark.django_db


def due(name: str) -> RecurringJob:
    """The entry's job as a worker holds it."""
    return RecurringJob.objects.create(
        name=name, tick=timezone.now(), status="processing", attempt=1, started_at=timezone.now()
    )


def test_both_stand_in_the_schedule() -> None:
    for name in ("archive_monitor_data", "archive_analyses"):
        assert entry(name).run == f"monitoring.schedule.{name}"


def test_old_samples_are_packed(
    press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.fitted(press, engineer)
    asked = requesting.request_place(press, watched.samples(engineer, 3), by=engineer)
    watched.worked_on(asked.analysis)
    monkeypatch.setattr(packing, "limit", lambda: timezone.now() + timedelta(days=1))
    job = due("archive_monitor_data")

    schedule.archive_monitor_data(job)

    assert PackedBlock.objects.count() == 1
    job.refresh_from_db()
    assert job.progress_message.startswith("3 samples packed")
    schedule.archive_monitor_data(job)  # a second run finds nothing to do
    job.refresh_from_db()
    assert job.progress_message == "0 samples packed 1 times, 0 left"


def test_old_analyses_are_archived(press: Dataset) -> None:
    then = datetime(2025, 3, 10, tzinfo=UTC)
    completing.make_months(then.date().replace(day=1))
    make_analysis(press, created_at=then, completed_at=then)
    job = due("archive_analyses")

    schedule.archive_analyses(job)

    assert not Analysis.objects.exists()
    assert AnalysisArchive.objects.count() == 1
    job.refresh_from_db()
    assert job.progress_message == "1 analyses archived, 0 measurements deleted"


def test_a_file_that_cannot_be_written_does_not_keep_the_others(
    press: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = datetime(2025, 3, 10, tzinfo=UTC)
    mine = make_analysis(press, created_at=then, completed_at=then)
    other = make_analysis(created_at=then, completed_at=then)
    archive = archiving.archive

    def picky(portion: archiving.Due) -> AnalysisArchive:
        if portion.user_id == press.user_id:
            raise NotNow("anomalies has a value that a file cannot hold: infinity.")
        return archive(portion)

    monkeypatch.setattr(archiving, "archive", picky)

    with pytest.raises(GiveUp, match="1 of 2 files could not be written; the others were. anom"):
        schedule.archive_analyses(due("archive_analyses"))

    assert [one.pk for one in Analysis.objects.all()] == [mine.pk]
    assert AnalysisArchive.objects.get().user_id == other.user_id
