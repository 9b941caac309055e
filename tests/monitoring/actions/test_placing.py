"""From new samples to places, word on them, and anomalies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.db import connection

from accounts.models import User
from audit.models import Entry
from database.actor import acting_as
from ingestion.models import FileUpload
from jobs.errors import LostLease
from jobs.retry import GiveUp
from monitoring import handlers
from monitoring.actions import completing, looking, placing, requesting
from monitoring.actions.placing import Judged
from monitoring.errors import NotNow
from monitoring.maps import place
from monitoring.models import Analysis, Anomaly, BaselineMap, Dataset, MonitorBlock
from monitoring.scoring import judge
from tests.factories import make_user
from tests.monitoring import watched
from tests.monitoring.rows import cloud

pytestmark = pytest.mark.django_db


@pytest.fixture
def map_(press: Dataset, engineer: User) -> BaselineMap:
    """The map of the healthy machine."""
    return watched.fitted(press, engineer)


def placed(press: Dataset, engineer: User, file: FileUpload, **options: Any) -> Analysis:
    return watched.worked_on(requesting.request_place(press, file, by=engineer, **options).analysis)


def rows_of(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def test_samples_are_placed_and_judged_as_the_numerics_say(
    map_: BaselineMap, press: Dataset, engineer: User
) -> None:
    done = placed(press, engineer, watched.samples(engineer, broken=3))

    table = cloud(20, watched.COLUMNS, 5)
    table[-3:, 3] += 40
    read = np.array([[float(f"{value:.5g}") for value in row] for row in table.tolist()])
    baseline, detector = map_.loaded()
    where = place(read, baseline)
    word = judge(read, where, baseline, detector)
    found = rows_of(
        "SELECT process_order, file_row, x, y, score, p_value, severity, off_map, monitor_values,"
        " analysis_id FROM monitor_samples WHERE dinsight_id = %s ORDER BY process_order",
        map_.pk,
    )
    assert [row[0] for row in found] == [row[1] for row in found] == list(range(1, 21))
    assert watched.close(
        [row[2] for row in found], np.round(where.coordinates[:, 0].astype(float), 6)
    )
    assert watched.close([row[4] for row in found], word.scores.tolist())
    assert watched.close([row[5] for row in found], word.p_values.tolist())
    assert [row[7] for row in found] == word.off_map.tolist()
    assert watched.close(np.ravel([row[8] for row in found]).tolist(), read.ravel().tolist())
    assert {row[9] for row in found} == {done.pk}
    assert done.results is not None
    assert done.results["rows"] == 20
    assert done.results["anomalous"] == int(word.anomalous.sum()) == Anomaly.objects.count()
    assert done.results["worst"] == "critical"


def test_an_anomaly_says_which_features_and_which_row(
    map_: BaselineMap, press: Dataset, engineer: User
) -> None:
    done = placed(press, engineer, watched.samples(engineer, broken=1))

    worst = Anomaly.objects.order_by("-distance").first()
    assert worst is not None
    assert (worst.severity, worst.file_row, worst.process_order) == ("critical", 20, 20)
    assert worst.dataset_id == press.pk
    assert worst.user_id == engineer.pk
    assert worst.analysis_id == done.pk
    assert worst.distance > worst.threshold
    assert worst.metadata == {"segID": "20", "participant": "a"}
    first = worst.features[0]
    assert first["name"] == "f_3"
    assert first["value"] > 35
    assert first["deviation"] > 10
    assert len(worst.features) == watched.COLUMNS  # ten, where there are as many


def test_samples_of_later_files_are_numbered_on(
    map_: BaselineMap, press: Dataset, engineer: User
) -> None:
    placed(press, engineer, watched.samples(engineer, rows=7, seed=1))
    placed(press, engineer, watched.samples(engineer, rows=4, seed=2))

    assert list(
        MonitorBlock.objects.order_by("process_order").values_list("process_order", "row_count")
    ) == [(1, 7), (8, 4)]


def test_blocks_of_any_size_hold_the_same(
    map_: BaselineMap, press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "SELECT x, y, score, p_value, monitor_values, metadata FROM monitor_samples"
    query += " WHERE analysis_id = %s ORDER BY process_order"
    file = watched.samples(engineer)
    whole = rows_of(query, placed(press, engineer, file).pk)
    monkeypatch.setattr(looking, "BLOCK_NUMBERS", watched.COLUMNS * 3)

    parts = rows_of(query, placed(press, engineer, file, again=True).pk)

    assert parts == whole
    assert MonitorBlock.objects.count() == 1 + 7


def test_a_file_too_large_to_be_held_is_read_again_and_gives_the_same(
    map_: BaselineMap, press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "SELECT x, y, score, p_value, monitor_values, metadata FROM monitor_samples"
    query += " WHERE analysis_id = %s ORDER BY process_order"
    file = watched.samples(engineer)
    held = rows_of(query, placed(press, engineer, file).pk)
    monkeypatch.setattr(placing, "LARGEST_HELD", watched.COLUMNS * 8)

    judged = placing.compute(file, map_, 0.01)
    again = rows_of(query, placed(press, engineer, file, again=True).pk)

    assert judged.held is None
    assert again == held


def test_the_alarm_level_can_be_chosen(map_: BaselineMap, press: Dataset, engineer: User) -> None:
    file = watched.samples(engineer, rows=60)

    few = placed(press, engineer, file)
    many = placed(press, engineer, file, alarm_level=0.5, again=True)

    assert few.results is not None
    assert many.results is not None
    assert few.results["anomalous"] < many.results["anomalous"]
    assert many.results["alarm_level"] == 0.5


def test_a_file_with_other_features_is_given_up_with_the_first_difference(
    map_: BaselineMap, press: Dataset, engineer: User
) -> None:
    file = watched.samples(engineer)
    asked = requesting.request_place(press, file, by=engineer)
    FileUpload.objects.filter(pk=file.pk).update(
        header=["segID", "participant", "f_0", "f_2", "f_1", "f_3", "f_4", "f_5"]
    )

    with pytest.raises(GiveUp, match="feature 2 is f_2, but the map was made with f_1 there"):
        watched.worked_on(asked.analysis)

    assert not MonitorBlock.objects.exists()


def test_a_damaged_map_is_given_up(map_: BaselineMap, press: Dataset, engineer: User) -> None:
    damaged = BaselineMap(baseline=b"nothing", detector=bytes(map_.detector or b""))
    damaged.config, damaged.features = map_.config, map_.features

    with pytest.raises(NotNow, match=r"samples-5\.csv: "):
        placing.compute(watched.samples(engineer), damaged, 0.01)


def test_what_fails_while_it_is_stored_leaves_nothing_half_written(
    map_: BaselineMap, press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(analysis: Analysis, judged: Judged) -> None:
        assert MonitorBlock.objects.exists()
        raise RuntimeError("The watcher fell.")

    monkeypatch.setattr(completing, "AFTER_PLACING", [refuses])
    asked = requesting.request_place(press, watched.samples(engineer, broken=2), by=engineer)

    with pytest.raises(RuntimeError, match="fell"):
        watched.worked_on(asked.analysis)

    assert not MonitorBlock.objects.exists()
    assert not Anomaly.objects.exists()


def test_a_worker_that_lost_its_job_writes_nothing(
    map_: BaselineMap, press: Dataset, engineer: User
) -> None:
    asked = requesting.request_place(press, watched.samples(engineer), by=engineer)
    held = watched.taken(asked.analysis)
    watched.taken(held)  # another one has it now

    with pytest.raises(LostLease):
        handlers.run(held)

    assert not MonitorBlock.objects.exists()


def test_those_who_watch_are_told_in_the_same_transaction(
    map_: BaselineMap, press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[object, int]] = []
    monkeypatch.setattr(
        completing,
        "AFTER_PLACING",
        [lambda analysis, judged: told.append((analysis.pk, judged.rows))],
    )

    done = placed(press, engineer, watched.samples(engineer))

    assert told == [(done.pk, 20)]


def test_it_runs_for_the_owner_and_nobody_else_sees_it(
    map_: BaselineMap, press: Dataset, engineer: User
) -> None:
    asked = requesting.request_place(press, watched.samples(engineer, broken=2), by=engineer)
    with acting_as(engineer.pk):
        watched.worked_on(asked.analysis)

    def seen() -> tuple[int, ...]:
        return (
            rows_of("SELECT count(*) FROM monitor_samples")[0][0],
            Anomaly.objects.count(),
            Analysis.objects.count(),
            Dataset.objects.count(),
        )

    with acting_as(engineer.pk):
        own = seen()
    assert own[0] == 20
    assert own[1] >= 2
    with acting_as(make_user("analyst").pk):
        assert seen() == (0, 0, 0, 0)
    with acting_as(make_user("moderator").pk):
        assert seen() == (0, 0, 0, 0)
    with acting_as(make_user("admin").pk):
        assert seen() == own
    told = Entry.objects.filter(resource_id=str(press.pk)).order_by("pk").last()
    assert told is not None
    assert (told.action, told.actor_id) == ("dataset.placed", engineer.pk)
    # That covers the anomalies: they have no entries of their own.
    assert not Entry.objects.filter(resource_type="anomaly").exists()
