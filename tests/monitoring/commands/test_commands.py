"""What operators run by hand."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from accounts.models import User
from jobs.moments import database_now
from monitoring.actions import completing
from monitoring.models import Analysis, Anomaly, BaselineMap, Dataset, MonitorBlock, PackedBlock
from tests.factories import make_analysis, make_anomaly, make_dataset, make_user
from tests.monitoring import watched

pytestmark = pytest.mark.django_db


def run(*arguments: object, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*map(str, arguments), json=True, stdout=out, **options)
    said: dict[str, Any] = json.loads(out.getvalue())
    return said


def printed(*arguments: object) -> str:
    out = io.StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def test_a_map_is_made_and_samples_are_placed_at_once(press: Dataset, engineer: User) -> None:
    watched.config(engineer)
    healthy, samples = watched.healthy(engineer), watched.samples(engineer, broken=2)

    said = printed("fit_map", press.pk, healthy.pk)
    told = run("place_samples", press.pk, samples.pk)

    assert "a map of 120 rows of 6 features" in said
    assert (told["rows"], told["worst"]) == (20, "critical")
    assert told["anomalous"] == Anomaly.objects.count()
    analyses = Analysis.objects.order_by("created_at")
    assert [(one.analysis_type, one.status) for one in analyses] == [
        ("fit", "completed"),
        ("place", "completed"),
    ]
    assert {one.dinsight_id for one in analyses} == {BaselineMap.objects.get().pk}
    press.refresh_from_db()
    with pytest.raises(CommandError, match="was placed on this map"):
        call_command("place_samples", str(press.pk), str(samples.pk))
    # Dry, it may be looked at again and again.
    assert "Would place 20 samples" in printed(
        "place_samples", press.pk, samples.pk, "--again", "--dry-run", "--alarm-level", "0.5"
    )
    assert MonitorBlock.objects.count() == 1


def test_a_placing_is_dated_by_the_database(
    press: Dataset, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.fitted(press, engineer)
    before = database_now()
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(hours=1))

    run("place_samples", press.pk, watched.samples(engineer).pk)

    done = Analysis.objects.get(analysis_type="place")
    assert done.started_at
    assert done.completed_at
    assert before < done.completed_at <= database_now()


def test_a_dry_run_makes_no_map(press: Dataset, engineer: User) -> None:
    watched.config(engineer)

    said = run("fit_map", press.pk, watched.healthy(engineer).pk, dry_run=True)

    assert (said["dry_run"], said["rows"]) == (True, 120)
    assert not BaselineMap.objects.exists()
    assert not Analysis.objects.exists()


def test_what_is_not_there_is_named(press: Dataset, engineer: User) -> None:
    nothing = uuid4()
    file = watched.healthy(engineer, 5)

    for arguments, said in (
        (("fit_map", nothing, file.pk), f"no dataset {nothing}"),
        (("fit_map", press.pk, nothing), f"no file {nothing}"),
        (("fit_map", press.pk, file.pk, "--config", 99), "no parameters 99"),
        (("fit_map", press.pk, file.pk), "there is no column 'f_1023'"),
        (("place_samples", press.pk, file.pk), "has no map yet"),
        (("place_samples", press.pk, file.pk, "--map", nothing), f"no map {nothing}"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command(*map(str, arguments))


def test_samples_are_packed_by_command(press: Dataset, engineer: User) -> None:
    assert printed("archive_monitor_data") == "Packed 0 blocks with 0 samples.\n"
    assert run("archive_monitor_data", dry_run=True) == {"would_pack": 0, "dry_run": True}
    assert not PackedBlock.objects.exists()


def test_analyses_are_archived_and_brought_back_by_command(press: Dataset) -> None:
    then = datetime(2025, 3, 10, tzinfo=UTC)
    completing.make_months(then.date().replace(day=1))
    make_anomaly(make_analysis(press, created_at=then, completed_at=then), timestamp=then)

    assert run("archive_analyses", dry_run=True)["would_archive"] == 1
    (made,) = run("archive_analyses")["archived"]
    assert (made["analyses"], made["anomalies"]) == (1, 1)
    assert made["file"].endswith(".parquet")
    assert not Analysis.objects.exists()
    assert "No analysis is old enough" in printed("archive_analyses")

    assert "Would bring back 1 analyses" in printed(
        "archive_analyses", "--restore", made["archive"], "--dry-run"
    )
    assert not Analysis.objects.exists()
    printed("archive_analyses", "--restore", made["archive"])
    assert Anomaly.objects.count() == 1
    with pytest.raises(CommandError, match="was restored at"):
        call_command("archive_analyses", "--restore", made["archive"])


def test_an_analysis_at_once_is_the_dataset_s_last_one(press: Dataset, engineer: User) -> None:
    watched.config(engineer)

    run("fit_map", press.pk, watched.healthy(engineer).pk)

    press.refresh_from_db()
    assert press.last_analysis_at == Analysis.objects.get().completed_at


def test_a_file_that_cannot_be_written_does_not_keep_the_others(
    press: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    then = datetime(2025, 3, 10, tzinfo=UTC)
    completing.make_months(then.date().replace(day=1))
    odd = make_analysis(press, created_at=then, completed_at=then)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO anomalies (analysis_id, dataset_id, severity, distance, threshold,"
            " features, created_at) VALUES (%s, %s, 'low', 1, 1, '[]', 'infinity')",
            [odd.pk, press.pk],
        )
    other = make_analysis(make_dataset(make_user("analyst")), created_at=then, completed_at=then)

    with pytest.raises(SystemExit) as ended:
        call_command("archive_analyses")

    assert ended.value.code == 1
    assert "anomalies has a value that a file cannot hold" in capsys.readouterr().out
    assert Analysis.objects.filter(pk=odd.pk).exists()
    assert not Analysis.objects.filter(pk=other.pk).exists()
