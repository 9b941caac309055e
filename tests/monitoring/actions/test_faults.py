"""What happens around an analysis while it waits or runs: nothing half-written, nothing doubled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import OperationalError

from accounts.models import User
from ingestion.actions import files
from ingestion.errors import NotNow as FileInUse
from ingestion.models import FileUpload
from jobs.errors import Cancelled
from jobs.retry import GiveUp
from monitoring import handlers
from monitoring.actions import archiving, completing, looking, placing, requesting
from monitoring.models import (
    Analysis,
    AnalysisArchive,
    Anomaly,
    BaselineMap,
    Dataset,
    FeatureBlock,
    MonitorBlock,
)
from tests.factories import make_analysis, make_anomaly
from tests.monitoring import watched
from tests.monitoring.actions.test_archiving import OLD
from tests.monitoring.rows import cloud

pytestmark = pytest.mark.django_db


@pytest.fixture
def map_(press: Dataset, engineer: User) -> BaselineMap:
    """A map of the machine."""
    return watched.fitted(press, engineer)


def stored(file: FileUpload, storage: Path) -> Path:
    return storage / str(file.file_path)


def nothing_placed() -> bool:
    return not MonitorBlock.objects.exists() and not Anomaly.objects.exists()


# --- What is fitted -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (cloud(1, 6), "healthy.csv: The baseline has 1 row"),
        (np.repeat(cloud(1, 6), 2, axis=0), "healthy.csv: The baseline has 2 rows"),
        (np.repeat(cloud(1, 6), 9, axis=0), "healthy.csv: All rows of the baseline are equal"),
    ],
    ids=["one row", "two equal rows", "all rows equal"],
)
def test_a_baseline_that_is_none_is_given_up_in_a_sentence_with_its_file(
    press: Dataset, engineer: User, table: Any, sentence: str
) -> None:
    watched.config(engineer)
    file = watched.handed_in(watched.csv(table), engineer, "healthy.csv")

    with pytest.raises(GiveUp) as refused:
        watched.worked_on(requesting.request_fit(press, file, by=engineer).analysis)

    assert str(refused.value).startswith(sentence)
    assert not BaselineMap.objects.exists()
    assert not FeatureBlock.objects.exists()


def test_constant_features_are_told_and_do_no_harm(press: Dataset, engineer: User) -> None:
    table = cloud(120, 6)
    table[:, 2] = 7.25
    watched.config(engineer)
    file = watched.handed_in(watched.csv(table), engineer, "healthy.csv")

    done = watched.worked_on(requesting.request_fit(press, file, by=engineer).analysis)

    assert done.results is not None
    assert done.results["constant_features"] == ["f_2"]
    assert np.isfinite(BaselineMap.objects.get().x_values).all()


def test_columns_beyond_those_that_are_named_are_left_out(
    map_: BaselineMap, press: Dataset, engineer: User
) -> None:
    lines = watched.csv(cloud(5, 6, 3)).splitlines()
    wider = [f"{line},{'note' if not number else '=1+1'}" for number, line in enumerate(lines)]
    file = watched.handed_in("\n".join(wider) + "\n", engineer, "wider.csv")

    watched.worked_on(requesting.request_place(press, file, by=engineer).analysis)

    assert np.asarray(MonitorBlock.objects.get().monitor_values).shape == (5, 6)


# --- Files that go --------------------------------------------------------------------------------


def test_a_file_that_an_analysis_waits_for_cannot_be_removed(
    press: Dataset, engineer: User
) -> None:
    watched.config(engineer)
    file = watched.healthy(engineer)
    requesting.request_fit(press, file, by=engineer)

    with pytest.raises(FileInUse, match="is used elsewhere"):
        files.remove(file.pk, by=engineer)

    assert FileUpload.objects.filter(pk=file.pk).exists()


def test_bytes_that_went_while_an_analysis_waited_are_told_by_name(
    press: Dataset, engineer: User, storage: Path
) -> None:
    watched.config(engineer)
    file = watched.healthy(engineer)
    asked = requesting.request_fit(press, file, by=engineer)
    stored(file, storage).unlink()

    with pytest.raises(GiveUp, match=r"healthy\.csv: the stored file .* is gone"):
        watched.worked_on(asked.analysis)

    assert not BaselineMap.objects.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path: path.unlink(), "is gone"),
        (lambda path: path.write_bytes(path.read_bytes() + b"9,a,1,1,1,1,1,1\n"), "has grown"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "ends after"),
    ],
    ids=["gone", "grown", "cut off"],
)
def test_bytes_that_change_between_judging_and_storing_leave_no_sample(
    map_: BaselineMap,
    press: Dataset,
    engineer: User,
    storage: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Any,
    sentence: str,
) -> None:
    monkeypatch.setattr(placing, "LARGEST_HELD", 0)  # as of a large file, which is read twice
    file = watched.samples(engineer, broken=2)
    asked = requesting.request_place(press, file, by=engineer)
    monkeypatch.setattr(completing, "make_months", lambda: change(stored(file, storage)))

    with pytest.raises(GiveUp, match=sentence):
        watched.worked_on(asked.analysis)

    assert nothing_placed()
    assert Analysis.objects.get(pk=asked.analysis.pk).results is None


# --- Work that is stopped -------------------------------------------------------------------------


def test_a_placing_that_somebody_cancels_in_the_middle_leaves_nothing(
    map_: BaselineMap, press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = requesting.request_place(press, watched.samples(engineer, broken=2), by=engineer)
    held = watched.taken(asked.analysis)
    monkeypatch.setattr(handlers, "_SECONDS_BETWEEN_LOOKS", -1.0)
    real = placing._Parts.add

    def cancelled_meanwhile(parts: Any, *given: Any) -> None:
        real(parts, *given)
        requesting.cancel(held.pk, by=engineer)

    monkeypatch.setattr(placing._Parts, "add", cancelled_meanwhile)
    monkeypatch.setattr(looking, "blocks", _twice(looking.blocks))

    with pytest.raises(Cancelled):
        handlers.run(held)

    assert nothing_placed()


def _twice(blocks: Any) -> Any:
    """A file comes in two blocks, so that somebody is asked between them."""

    def read(*given: Any) -> Any:
        for block in blocks(*given):
            yield block
            yield block

    return read


def test_a_connection_that_is_lost_while_storing_leaves_nothing_and_is_tried_again(
    map_: BaselineMap, press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = requesting.request_place(press, watched.samples(engineer, broken=2), by=engineer)

    def lost(*_: object, **__: object) -> None:
        raise OperationalError("the connection is lost")

    with monkeypatch.context() as patch:
        patch.setattr(placing, "keep_anomalies", lost)
        with pytest.raises(OperationalError):  # no GiveUp: the engine tries it again
            watched.worked_on(asked.analysis)
    assert nothing_placed()

    Analysis.objects.filter(pk=asked.analysis.pk).update(status="pending")
    again = watched.worked_on(Analysis.objects.get(pk=asked.analysis.pk))
    assert again.status == "completed"
    assert MonitorBlock.objects.get().row_count == 20


def test_rules_that_fail_do_not_undo_the_samples(
    map_: BaselineMap, press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("The rules fell.")

    monkeypatch.setattr("monitoring.actions.alerting.evaluate_analysis", fails)
    asked = requesting.request_place(press, watched.samples(engineer, broken=2), by=engineer)

    assert watched.worked_on(asked.analysis).status == "completed"
    assert MonitorBlock.objects.get().row_count == 20


def test_a_full_disk_while_archiving_leaves_the_rows_and_no_part_of_a_file(
    press: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    completing.make_months(OLD.date().replace(day=1))
    make_anomaly(make_analysis(press, created_at=OLD, completed_at=OLD), timestamp=OLD)
    (portion,) = archiving.due(archiving.limit())

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            archiving.archive(portion)

    assert Analysis.objects.count() == Anomaly.objects.count() == 1
    assert not AnalysisArchive.objects.exists()
    assert [path for path in storage.rglob("*") if path.is_file()] == []
    assert archiving.archive(portion).analysis_count == 1
