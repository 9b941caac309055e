"""Kinds of job, and when they are tried again."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from database.models import SystemSetting
from jobs import registry
from jobs.errors import RetryAfter, UnknownQueue
from jobs.models import Job
from jobs.registry import JobKind
from jobs.retry import RetryRule
from tests.jobs.queueapp.handlers import run_errand
from tests.jobs.queueapp.models import Errand, Parcel


@pytest.fixture(autouse=True)
def _registry_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_KINDS", dict(registry._KINDS))


def test_a_registered_kind_is_found_by_its_queue() -> None:
    found = registry.kind("errands")

    assert found.model is Errand
    assert found in registry.kinds()
    assert found.load() is run_errand


def test_an_unknown_queue_is_refused_by_name() -> None:
    with pytest.raises(UnknownQueue, match="There is no queue 'letters'. There are: .*errands,"):
        registry.kind("letters")


def test_registering_a_queue_again_replaces_its_kind() -> None:
    registry.register(JobKind(queue="errands", model=Errand, handler=run_errand))

    assert registry.kind("errands").load() is run_errand


def test_a_queue_with_two_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="'errands' with queueapp.Parcel contradicts"):
        registry.register(JobKind(queue="errands", model=Parcel, handler=run_errand))


def test_a_table_with_two_queues_is_refused() -> None:
    with pytest.raises(ValueError, match="'letters' with queueapp.Errand contradicts"):
        registry.register(JobKind(queue="letters", model=Errand, handler=run_errand))


def test_a_queue_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="'letters' needs a model with a table"):
        # Job is abstract: that is what is refused.
        registry.register(JobKind(queue="letters", model=Job, handler=run_errand))  # type: ignore[type-abstract]


def test_a_time_limit_of_nothing_is_refused() -> None:
    kind = JobKind(queue="errands", model=Errand, handler=run_errand, time_limit=timedelta(0))

    with pytest.raises(ValueError, match="time limit of 0:00:00"):
        registry.register(kind)


@pytest.mark.django_db
def test_without_a_limit_of_its_own_a_kind_has_that_of_the_settings() -> None:
    kind = JobKind(queue="errands", model=Errand, handler=run_errand)
    assert kind.limit() == timedelta(hours=1)

    SystemSetting.objects.create(setting_key="job_timeout", setting_value=90)

    assert kind.limit() == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base": -1}, "base and cap are seconds"),
        ({"factor": 0.5}, "factor must be from 1 to 10, not 0.5"),
        ({"jitter": 2}, "jitter must be from 0 to 1, not 2"),
    ],
)
def test_an_impossible_retry_rule_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RetryRule(**wrong)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("count", "most"), [(0, 5), (1, 10), (3, 40), (7, 600), (1000, 600), (2**31 - 1, 600)]
)
def test_the_wait_grows_to_its_cap_and_jitter_only_shortens_it(count: int, most: float) -> None:
    rule = RetryRule(base=5, factor=2, cap=600, jitter=0.25)
    statement = f"SELECT {RetryRule.SQL.format(count='%s')} FROM generate_series(1, 50)"
    parameters = rule.as_parameters()

    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters[:3], count, parameters[3]])
        waits = [row[0] for row in cursor.fetchall()]

    assert all(0.75 * most <= wait <= most for wait in waits)
    assert len(set(waits)) > 1


def test_a_negative_wait_is_refused() -> None:
    with pytest.raises(ValueError, match="in -1 seconds"):
        RetryAfter(-1, "no")


def test_a_wish_to_be_retried_survives_its_way_between_processes() -> None:
    wish = pickle.loads(pickle.dumps(RetryAfter(2.5, "closed")))

    assert (wish.seconds, str(wish)) == (2.5, "closed")
