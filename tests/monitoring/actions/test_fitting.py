"""From a file of a healthy machine to a map that is kept."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from django.db import connection

from accounts.models import User
from audit.models import Entry
from database.actor import acting_as
from jobs.errors import Cancelled
from jobs.retry import GiveUp
from monitoring import handlers
from monitoring.actions import fitting, requesting
from monitoring.errors import NotNow
from monitoring.maps import Parameters, fit
from monitoring.models import Analysis, BaselineMap, Dataset, FeatureBlock, PerformanceMetric
from tests.monitoring import watched
from tests.monitoring.rows import cloud

pytestmark = pytest.mark.django_db


def test_a_map_of_the_healthy_machine_is_kept_with_all_that_placing_needs(
    press: Dataset, engineer: User
) -> None:
    config = watched.config(engineer)
    file = watched.healthy(engineer)

    done = watched.worked_on(requesting.request_fit(press, file, by=engineer).analysis)

    made = BaselineMap.objects.get()
    assert (done.status, done.dinsight_id) == ("completed", made.pk)
    assert (made.file_upload_id, made.config_id, made.user_id) == (
        file.pk,
        config.pk,
        engineer.pk,
    )
    assert made.row_count == made.anchor_count == len(made.x_values) == 120
    assert made.features == [f"f_{place}" for place in range(6)]
    baseline, detector = made.loaded()
    assert hashlib.sha256(bytes(made.baseline or b"")).hexdigest() == made.baseline_sha256
    assert len(detector.calibration) == made.calibration_count == 120
    assert watched.close(made.x_values, np.round(baseline.coordinates[:, 0].astype(float), 6))
    assert done.results is not None
    assert done.results["least_alarm_level"] == pytest.approx(0.0083)
    assert 0 < done.results["stress"] < 1
    press.refresh_from_db()
    assert press.last_analysis_at == done.completed_at


def test_the_map_is_that_of_the_numbers_in_the_file(press: Dataset, engineer: User) -> None:
    made = watched.fitted(press, engineer)

    table = np.array([[float(f"{value:.5g}") for value in row] for row in cloud(120).tolist()])
    parameters = Parameters(end_dim="f_5", imax=30, mode="pca", seed=7)
    expected = fit(table, parameters)
    assert made.iterations == expected.iterations
    assert watched.close(made.y_values, np.round(expected.coordinates[:, 1].astype(float), 6))


def test_the_features_are_kept_in_blocks_and_read_row_by_row_in_sql(
    press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.actions.looking.BLOCK_NUMBERS", 6 * 50)

    made = watched.fitted(press, engineer)

    blocks = FeatureBlock.objects.order_by("row_start")
    assert list(blocks.values_list("row_start", "row_count")) == [(1, 50), (51, 50), (101, 20)]
    table = cloud(120)
    with connection.cursor() as cursor:
        cursor.execute("SELECT feature_row(%s, 57)", [made.file_upload_id])
        assert cursor.fetchone()[0] == pytest.approx(table[56], rel=1e-4)
        cursor.execute(
            "SELECT feature_values, metadata FROM feature_rows"
            " WHERE file_upload_id = %s AND row_number = 120",
            [made.file_upload_id],
        )
        values, metadata = cursor.fetchone()
    assert values == pytest.approx(table[119], rel=1e-4)
    assert json.loads(metadata) == {"segID": "120", "participant": "a"}


def test_a_second_map_of_the_same_columns_keeps_no_second_copy(
    press: Dataset, engineer: User
) -> None:
    watched.fitted(press, engineer)
    first = FeatureBlock.objects.count()

    watched.fitted(press, engineer, seed=8)

    assert (BaselineMap.objects.count(), FeatureBlock.objects.count()) == (2, first)


def test_groups_are_held_against_the_others(press: Dataset, engineer: User) -> None:
    made = watched.fitted(press, engineer, group_column="participant")

    assert made.calibrated == "leave-group-out"


def test_a_group_column_that_is_no_metadata_is_refused(press: Dataset, engineer: User) -> None:
    watched.config(engineer, group_column="shift")
    asked = requesting.request_fit(press, watched.healthy(engineer), by=engineer)

    with pytest.raises(GiveUp, match="the group column 'shift' is none of the metadata columns"):
        watched.worked_on(asked.analysis)


def test_a_wrong_cell_is_given_up_with_file_row_and_column(press: Dataset, engineer: User) -> None:
    watched.config(engineer)
    text = watched.csv(cloud(120)).replace("\n40,", "\n40x,", 1)
    lines = text.split("\n")
    lines[77] = lines[77].rpartition(",")[0] + ",none"
    file = watched.handed_in("\n".join(lines), engineer, "wrong.csv")
    asked = requesting.request_fit(press, file, by=engineer)

    with pytest.raises(GiveUp, match=r"wrong\.csv, row 77 \(line 78\), column f_5: 'none'"):
        watched.worked_on(asked.analysis)

    assert not BaselineMap.objects.exists()


def test_too_few_rows_are_given_up_with_the_name_of_the_file(
    press: Dataset, engineer: User
) -> None:
    watched.config(engineer)
    asked = requesting.request_fit(press, watched.healthy(engineer, 2), by=engineer)

    with pytest.raises(GiveUp, match=r"healthy\.csv: The baseline has 2 rows"):
        watched.worked_on(asked.analysis)


def test_a_baseline_too_small_for_the_alarm_level_says_so(press: Dataset, engineer: User) -> None:
    watched.config(engineer)

    done = watched.worked_on(
        requesting.request_fit(press, watched.healthy(engineer, 40), by=engineer).analysis
    )

    assert done.results is not None
    assert done.results["warnings"] == [
        "The alarm level 0.01 needs more healthy rows than the 40 there are;"
        " samples can be judged from 0.025 on."
    ]


def test_a_table_that_is_too_large_is_refused_before_it_is_read(
    press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = watched.config(engineer)
    monkeypatch.setattr(fitting, "LARGEST_TABLE", 1000)

    with pytest.raises(NotNow, match="120 rows of 6 features"):
        fitting.compute(watched.healthy(engineer), config)


def test_a_fit_that_somebody_cancels_leaves_nothing(press: Dataset, engineer: User) -> None:
    watched.config(engineer)
    asked = requesting.request_fit(press, watched.healthy(engineer), by=engineer)
    held = watched.taken(asked.analysis)
    requesting.cancel(held.pk, by=engineer)

    with pytest.raises(Cancelled):
        handlers.run(held)

    assert not BaselineMap.objects.exists()
    assert not FeatureBlock.objects.exists()


def test_what_fails_while_it_is_stored_leaves_nothing_half_written(
    press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.config(engineer)
    asked = requesting.request_fit(press, watched.healthy(engineer), by=engineer)

    def killed(*args: object, **options: object) -> None:
        raise SystemExit

    monkeypatch.setattr("monitoring.actions.completing.metrics.note", killed)
    with pytest.raises(SystemExit):
        watched.worked_on(asked.analysis)

    assert not BaselineMap.objects.exists()
    assert not FeatureBlock.objects.exists()
    monkeypatch.undo()
    analysis = Analysis.objects.get()
    Analysis.objects.filter(pk=analysis.pk).update(status="pending")
    assert watched.worked_on(Analysis.objects.get()).status == "completed"
    assert BaselineMap.objects.count() == 1


def test_it_runs_for_the_owner_and_is_written_down(press: Dataset, engineer: User) -> None:
    watched.config(engineer)
    asked = requesting.request_fit(press, watched.healthy(engineer), by=engineer)

    with acting_as(engineer.pk):
        watched.worked_on(asked.analysis)

    told = Entry.objects.filter(resource_id=str(press.pk)).order_by("pk")
    assert list(told.values_list("action", flat=True))[-2:] == [
        "dataset.fit_requested",
        "dataset.fitted",
    ]
    assert set(PerformanceMetric.objects.values_list("metric_name", flat=True)) == {
        "monitoring.fit.seconds",
        "monitoring.read.rows",
        "monitoring.store.seconds",
    }


@pytest.mark.parametrize(
    ("kind", "said"), [("fit", "names no parameters"), ("place", "names no map")]
)
def test_an_analysis_that_plain_sql_left_incomplete_is_given_up(
    press: Dataset, engineer: User, kind: str, said: str
) -> None:
    analysis = Analysis.objects.create(
        dataset=press,
        user=engineer,
        created_by=engineer,
        file_upload=watched.healthy(engineer, 3),
        analysis_type=kind,
    )

    with pytest.raises(GiveUp, match=said):
        watched.worked_on(analysis)
