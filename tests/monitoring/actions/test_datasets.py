"""Datasets: made, changed, put away."""

from __future__ import annotations

import pytest
from django.db import Error, connection, transaction

from accounts.models import User
from audit.models import Entry
from database import system_settings
from monitoring.actions import acknowledging, datasets, metrics
from monitoring.actions.metrics import Measured
from monitoring.errors import DatasetRefused, NotNow
from monitoring.models import Dataset, MetricType
from tests.factories import make_analysis, make_anomaly, make_user

pytestmark = pytest.mark.django_db


def test_a_dataset_is_made_and_written_down(engineer: User) -> None:
    made = datasets.make(
        "  Press 3 ", by=engineer, tags=["hall 2", " hall 2", "", "new"], metadata={"since": 2019}
    )

    made.refresh_from_db()
    assert (made.name, made.tags, made.noted) == ("Press 3", ["hall 2", "new"], {"since": 2019})
    assert made.user_id == engineer.pk
    assert Entry.objects.filter(action="dataset.made", resource_id=str(made.pk)).exists()


def test_an_admin_makes_one_for_somebody_else(engineer: User) -> None:
    assert datasets.make("Press", by=make_user("admin"), owner=engineer).user_id == engineer.pk


def test_what_is_noted_can_be_sealed(engineer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_settings, "get", lambda name: name == "encrypt_dataset_metadata")
    made = datasets.make("Press", by=engineer, metadata={"customer": "Secret Ltd"})

    with connection.cursor() as cursor:
        cursor.execute("SELECT metadata::text, sealed_metadata::bytea FROM datasets")
        shown, sealed = cursor.fetchone()
    assert shown == "{}"
    assert b"Secret" not in bytes(sealed)
    assert Dataset.objects.get(pk=made.pk).noted == {"customer": "Secret Ltd"}

    monkeypatch.undo()
    datasets.change(made.pk, by=engineer, metadata={"customer": "known"})
    again = Dataset.objects.get(pk=made.pk)
    assert (again.sealed_metadata, again.noted) == (None, {"customer": "known"})


def test_what_is_not_said_stays(engineer: User) -> None:
    made = datasets.make("Press", by=engineer, description="old", tags=["a"], metadata={"b": 1})

    datasets.change(made.pk, by=engineer, name="Press 4")

    made.refresh_from_db()
    assert (made.name, made.description, made.tags, made.noted) == (
        "Press 4",
        "old",
        ["a"],
        {"b": 1},
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "  "}, "needs a name"),
        ({"name": "x" * 256}, "needs a name"),
        ({"description": "\x00"}, "The description"),
        ({"tags": "hall"}, "a list of words"),
        ({"tags": ["x" * 101]}, "more than 100 characters"),
        ({"tags": [str(number) for number in range(101)]}, "at most 100"),
        ({"metadata": {"a": float("nan")}}, "cannot be stored as JSON"),
        ({"metadata": {"a": "\x00"}}, "no NUL"),
        ({"metadata": {"a\\\x00": 1}}, "no NUL"),
        ({"metadata": {"a": ["\ud800"]}}, "half of a sign"),
        ({"metadata": {"a": "x" * 1_000_000}}, "at most 1,000,000"),
        ({"metadata": {"a": [1e300] * 4000}}, "takes 1,212,007 bytes"),
        ({"name": "\udc00"}, "needs a name"),
        ({"description": "\ud800"}, "The description"),
        ({"tags": ["\ud800"]}, "half of a sign"),
        ({"owner": None}, "owner cannot be changed"),
    ],
)
def test_what_cannot_be_stored_is_refused(
    press: Dataset, engineer: User, fields: dict[str, object], said: str
) -> None:
    with pytest.raises(DatasetRefused, match=said):
        datasets.change(press.pk, by=engineer, **fields)


@pytest.mark.parametrize("text", ["\\u0000", "C:\\ud800", "\\\\u0000", "😀"])
def test_what_only_looks_like_it_is_stored(press: Dataset, engineer: User, text: str) -> None:
    datasets.change(press.pk, by=engineer, metadata={"a": text})

    press.refresh_from_db()
    assert press.noted == {"a": text}


def test_putting_away_twice_does_no_harm(press: Dataset, engineer: User) -> None:
    assert not datasets.archive(press.pk, by=engineer).is_active
    assert not datasets.archive(press.pk, by=engineer).is_active
    assert datasets.reopen(press.pk, by=engineer).is_active
    assert datasets.reopen(press.pk, by=engineer).is_active
    assert Entry.objects.filter(resource_id=str(press.pk)).count() == 2


def test_a_dataset_keeps_its_owner(press: Dataset) -> None:
    with pytest.raises(Error, match="keeps its owner"), transaction.atomic():
        Dataset.objects.filter(pk=press.pk).update(user=make_user())


def test_the_first_who_acknowledges_counts(press: Dataset, engineer: User) -> None:
    anomaly = make_anomaly(make_analysis(press))

    seen = acknowledging.acknowledge(anomaly.pk, by=engineer)

    seen.refresh_from_db()
    assert (seen.acknowledged, seen.acknowledged_by_id) == (True, engineer.pk)
    with pytest.raises(NotNow, match="was acknowledged at"):
        acknowledging.acknowledge(anomaly.pk, by=make_user("admin"))
    other = make_anomaly(make_analysis(press))
    assert acknowledging.acknowledge_many([anomaly.pk, other.pk], by=engineer) == 1
    assert Entry.objects.filter(action="anomaly.acknowledged").count() == 2


def test_measurements_are_summed_up_by_window() -> None:
    for seconds in (1.0, 2.0, 3.0, 10.0):
        metrics.note(
            [Measured("monitoring.fit.seconds", MetricType.DURATION, seconds, "s")],
            labels={"analysis": "fit"},
        )

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT metric_name, unit, labels ->> 'analysis', sample_count, value, lowest, highest,"
            " percentile_p50, percentile_p99"
            " FROM aggregate_performance_metrics('1 day', now() - interval '1 day', 'infinity')"
        )
        (row,) = cursor.fetchall()
    assert row[:4] == ("monitoring.fit.seconds", "s", "fit", 4)
    assert [float(value) for value in row[4:]] == [4.0, 1.0, 10.0, 2.5, 9.79]


@pytest.mark.parametrize("window", ["0", "-1 hour", "1 month", "1 year"])
def test_a_window_without_a_length_is_refused(window: str) -> None:
    with (
        pytest.raises(Error, match="it must be longer than nothing"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT * FROM aggregate_performance_metrics(%s::interval)", [window])


def test_old_measurements_are_forgotten() -> None:
    metrics.note([Measured("monitoring.fit.seconds", MetricType.DURATION, 1e30, "s")])

    assert metrics.forget_old(dry_run=True) == 0
    assert metrics.forget_old() == 0
