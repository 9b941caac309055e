"""The machine of the demonstration: its files, its map, its days, and who is told."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from config.demonstration import machine
from ingestion.models import FileUpload
from monitoring.models import Alert, AlertRule, Analysis, AnalysisStatus, Anomaly, Dataset
from tests.factories import make_user
from tests.monitoring import watched


def labels_of(content: bytes) -> list[str]:
    """What is known of each row of a file."""
    return [row["label"] for row in csv.DictReader(io.StringIO(content.decode()))]


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> None:
    """A storage of the test's own: other tests hand in the same files."""
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "config.storage.AtomicFileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        }
    }


@pytest.fixture
def owner() -> User:
    return make_user("analyst")


def go_on(owner: User) -> bool:
    return machine.go_on(owner, configured_by=make_user("admin"))


def waiting() -> Analysis:
    """The one analysis that waits for a worker."""
    return Analysis.objects.get(status=AnalysisStatus.PENDING)


def test_the_files_are_the_same_at_each_start_and_hold_what_is_said_of_them() -> None:
    readings = [
        ((number, *range(number, number + 9)), number % 20 == 0) for number in range(1, 4001)
    ]

    made = machine.files(readings)

    assert made == machine.files(readings)
    labels = {name: labels_of(content) for name, content in made.items()}
    assert {name: (len(one), one.count("departs")) for name, one in labels.items()} == {
        "shuttle_healthy.csv": (1600, 0),
        "shuttle_monday.csv": (400, 0),
        "shuttle_tuesday.csv": (400, 8),
        "shuttle_wednesday.csv": (400, 70),
    }
    assert "departs" not in labels["shuttle_wednesday.csv"][:280]
    rows = [row for content in made.values() for row in content.decode().splitlines()[1:]]
    assert len({row.split(",")[0] for row in rows}) == 2800, "no reading is shown twice"


@pytest.mark.django_db
def test_the_days_are_placed_one_after_the_other_and_somebody_is_told(owner: User) -> None:
    assert not go_on(owner)
    assert not go_on(owner), "the map is not made yet"
    # All of a test happens at the moment its transaction began, before the rules were made.
    AlertRule.objects.update(watched_from=timezone.now() - timedelta(days=1))
    assert watched.worked_on(waiting()).status == AnalysisStatus.COMPLETED
    for name, is_last in zip(machine.DAYS, (False, False, True), strict=True):
        assert go_on(owner) is is_last
        day = watched.worked_on(waiting())
        assert (day.file_upload.original_filename, day.status) == (name, AnalysisStatus.COMPLETED)

    assert go_on(owner), "a later start finds everything done"
    assert Analysis.objects.count() == 4
    assert Dataset.objects.get().user == owner
    assert FileUpload.objects.filter(user=owner).count() == 4
    departing = [(one.metadata or {})["label"] == "departs" for one in Anomaly.objects.all()]
    assert sum(departing) >= 70, "nearly all that depart are found"
    assert departing.count(False) <= 30, "and hardly more of the others than the level says"
    assert Alert.objects.exclude(status="resolved").count() == 2


@pytest.mark.django_db
def test_a_map_that_fails_ends_it(owner: User) -> None:
    go_on(owner)
    watched.taken(waiting())
    Analysis.objects.update(status=AnalysisStatus.FAILED)

    assert go_on(owner)
    assert Analysis.objects.count() == 1


@pytest.mark.django_db
def test_where_the_package_is_missing_nothing_is_made(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.demonstration.machine.find_spec", lambda _: None)

    assert not machine.is_carried()
    assert go_on(owner)
    assert not Dataset.objects.exists()
