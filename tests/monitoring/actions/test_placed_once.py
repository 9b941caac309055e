"""The samples of a file count once on a map, whoever asks how often, unless it is meant."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from jobs.retry import GiveUp
from monitoring.actions import placing, requesting
from monitoring.errors import NotNow
from monitoring.models import Analysis, Dataset, MonitorBlock
from tests.monitoring import watched

pytestmark = pytest.mark.django_db


def failed(analysis: Analysis) -> None:
    """It ended so before."""
    watched.taken(analysis)
    Analysis.objects.filter(pk=analysis.pk).update(
        status="failed", error_message="The disk was full.", completed_at=timezone.now()
    )


def test_a_failed_placing_is_not_retried_once_another_one_has_placed_the_file(
    press: Dataset, engineer: User
) -> None:
    watched.fitted(press, engineer)
    file = watched.samples(engineer, 3)
    first = requesting.request_place(press, file, by=engineer).analysis
    failed(first)
    watched.worked_on(requesting.request_place(press, file, by=engineer).analysis)

    with pytest.raises(NotNow, match=r"samples-5\.csv was placed on this map at"):
        requesting.retry(first.pk, by=engineer)
    # The command for all queues asks nobody; the worker does.
    Analysis.objects.filter(pk=first.pk).retry()
    with pytest.raises(GiveUp, match="was placed on this map at"):
        watched.worked_on(first)

    assert MonitorBlock.objects.count() == 1


def test_one_that_is_meant_to_add_samples_again_may_be_retried(
    press: Dataset, engineer: User
) -> None:
    watched.fitted(press, engineer)
    file = watched.samples(engineer, 3)
    watched.worked_on(requesting.request_place(press, file, by=engineer).analysis)
    more = requesting.request_place(press, file, by=engineer, again=True).analysis
    failed(more)

    requesting.retry(more.pk, by=engineer)
    watched.worked_on(more)

    assert MonitorBlock.objects.count() == 2


@pytest.mark.parametrize("again", [True, False])
def test_what_waits_answers_whether_or_not_it_is_asked_for_again(
    press: Dataset, engineer: User, again: bool
) -> None:
    watched.fitted(press, engineer)
    file = watched.samples(engineer, 3)

    first = requesting.request_place(press, file, by=engineer, again=again)
    second = requesting.request_place(press, file, by=engineer, again=not again)

    assert (first.created, second.created) == (True, False)
    assert first.analysis.pk == second.analysis.pk


def test_one_that_ends_while_the_same_is_asked_for_is_not_doubled(
    press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.fitted(press, engineer)
    file = watched.samples(engineer, 3)
    first = requesting.request_place(press, file, by=engineer).analysis
    look = requesting._live

    def ended_before_the_look(*keys: str) -> Analysis | None:
        watched.worked_on(first)
        return look(*keys)

    monkeypatch.setattr(requesting, "_live", ended_before_the_look)

    with pytest.raises(NotNow, match="was placed on this map at"):
        requesting.request_place(press, file, by=engineer)

    assert Analysis.objects.filter(analysis_type="place").count() == 1


def test_a_command_and_a_worker_at_the_same_time_place_the_file_once(
    press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.fitted(press, engineer)
    file = watched.samples(engineer, 3)
    job = requesting.request_place(press, file, by=engineer).analysis
    compute = placing.compute

    def overtaken(*given: Any, **options: Any) -> placing.Judged:
        monkeypatch.setattr(placing, "compute", compute)
        found = compute(*given, **options)
        watched.worked_on(job)
        return found

    monkeypatch.setattr(placing, "compute", overtaken)

    with pytest.raises(CommandError, match="was placed on this map at"):
        call_command("place_samples", str(press.pk), str(file.pk))

    assert MonitorBlock.objects.count() == 1
