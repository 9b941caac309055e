"""Asking for maps and placings, and steering what waits."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from monitoring.actions import datasets, requesting
from monitoring.errors import NotNow
from monitoring.models import Analysis, BaselineMap, Dataset
from tests.factories import make_analysis, make_dataset, make_file, make_map, make_user
from tests.monitoring import watched

pytestmark = pytest.mark.django_db


@pytest.fixture
def map_(press: Dataset, engineer: User) -> BaselineMap:
    """A map that takes samples, for all that asking can see."""
    config = watched.config(engineer, end_dim="f_1", end_meta="name")
    whole: dict[str, Any] = {
        "baseline": b"", "baseline_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca49599"
        "1b7852b855", "detector": b"", "detector_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4"
        "649b934ca495991b7852b855", "anchor_count": 3, "cost": 0.1, "iterations": 3, "stop_reason":
        "converged", "stress": 0.1, "trustworthiness": 0.9, "correlation": 0.9, "quality_rows": 3,
        "calibrated": "leave-one-out", "calibration_count": 120,
    }  # fmt: skip
    made = make_map(config=config, file_upload=make_file(engineer), **whole)
    make_analysis(press, analysis_type="fit", dinsight=made, file_upload=made.file_upload)
    return made


def test_asking_again_answers_with_what_waits(press: Dataset, engineer: User) -> None:
    watched.config(engineer, end_dim="f_1", end_meta="name")
    file = make_file(engineer)

    first = requesting.request_fit(press, file, by=engineer)
    second = requesting.request_fit(press, file, by=engineer)

    assert (first.created, second.created) == (True, False)
    assert first.analysis.pk == second.analysis.pk
    assert first.analysis.status == "pending"


def test_other_parameters_are_another_analysis(press: Dataset, engineer: User) -> None:
    file = make_file(engineer)
    for seed in (1, 2):
        config = watched.config(engineer, end_dim="f_1", end_meta="name", seed=seed)
        assert requesting.request_fit(press, file, by=engineer, config=config).created

    assert Analysis.objects.live().count() == 2


def test_columns_that_are_not_there_are_refused_at_once(press: Dataset, engineer: User) -> None:
    watched.config(engineer, end_meta="name")

    with pytest.raises(NotNow, match=r"there is no column 'f_5' \(end_dim\). Did you mean f_1"):
        requesting.request_fit(press, make_file(engineer), by=engineer)


def test_a_file_of_somebody_else_is_refused(press: Dataset, engineer: User) -> None:
    with pytest.raises(NotNow, match="belongs to somebody else than Press 3"):
        requesting.request_fit(press, make_file(), by=engineer)


def test_a_file_that_is_not_ready_is_refused(press: Dataset, engineer: User) -> None:
    file = make_file(engineer, status="failed", error_message="Why.")

    with pytest.raises(NotNow, match="is failed; only a file that is ready"):
        requesting.request_fit(press, file, by=engineer)


def test_without_a_map_nothing_is_placed(press: Dataset, engineer: User) -> None:
    with pytest.raises(NotNow, match="Press 3 has no map yet"):
        requesting.request_place(press, make_file(engineer), by=engineer)


def test_a_map_without_its_bytes_is_not_chosen(press: Dataset, engineer: User) -> None:
    make_analysis(press, analysis_type="fit")

    assert requesting.current_map(press) is None


def test_a_map_of_another_dataset_is_refused(map_: BaselineMap, engineer: User) -> None:
    other = make_dataset(engineer, name="Press 4")

    with pytest.raises(NotNow, match="is none of Press 4"):
        requesting.request_place(other, make_file(engineer), by=engineer, map=map_)


def test_a_file_is_placed_once_unless_it_is_asked_for_again(
    map_: BaselineMap, press: Dataset, engineer: User
) -> None:
    file = make_file(engineer)
    make_analysis(press, dinsight=map_, file_upload=file, completed_at="2026-01-02T03:04Z")

    with pytest.raises(NotNow, match="was placed on this map at 2026-01-02 03:04 already"):
        requesting.request_place(press, file, by=engineer)

    assert requesting.request_place(press, file, by=engineer, again=True).created


@pytest.mark.parametrize(
    ("level", "said"), [(0.001, "needs more healthy rows than the 120"), (1.5, "between 0 and 1")]
)
def test_a_level_that_the_map_cannot_give_is_refused(
    map_: BaselineMap, press: Dataset, engineer: User, level: float, said: str
) -> None:
    with pytest.raises(NotNow, match=said):
        requesting.request_place(press, make_file(engineer), by=engineer, alarm_level=level)


def test_the_map_that_was_made_last_takes_the_samples(
    map_: BaselineMap, press: Dataset, engineer: User
) -> None:
    asked = requesting.request_place(press, make_file(engineer), by=engineer)

    assert asked.analysis.dinsight_id == map_.pk
    assert asked.analysis.alarm_level == 0.01


def test_an_admin_asks_for_the_owner(map_: BaselineMap, press: Dataset, engineer: User) -> None:
    admin = make_user("admin")

    asked = requesting.request_place(press, make_file(engineer), by=admin).analysis

    assert (asked.user_id, asked.created_by_id) == (engineer.pk, admin.pk)


def test_putting_a_dataset_away_cancels_what_waits_and_takes_no_more(
    map_: BaselineMap, press: Dataset, engineer: User
) -> None:
    waiting = requesting.request_place(press, make_file(engineer), by=engineer).analysis

    press = datasets.archive(press.pk, by=engineer)

    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
    with pytest.raises(NotNow, match="Press 3 was put away"):
        requesting.request_place(press, make_file(engineer), by=engineer)


def test_a_failed_analysis_is_retried_and_others_are_not(press: Dataset, engineer: User) -> None:
    failed = make_analysis(press, status="failed", results=None)
    done = make_analysis(press)

    assert requesting.retry(failed.pk, by=engineer).status == "pending"
    with pytest.raises(NotNow, match="this one is completed"):
        requesting.retry(done.pk, by=engineer)
    with pytest.raises(NotNow, match="is already completed"):
        requesting.cancel(done.pk, by=engineer)
    assert requesting.cancel(failed.pk, by=engineer).status == "cancelled"
