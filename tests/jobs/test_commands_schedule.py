"""The operators' commands for the schedule and for housekeeping."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import registry, schedule
from jobs.models import Attempt, Recurrence, RecurringJob
from jobs.moments import database_now
from tests.jobs.old_rows import attempt_of, ended
from tests.jobs.queueapp.models import Errand

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


# --- schedule_status ------------------------------------------------------------------------------


def test_the_status_shows_what_recurs_even_before_any_worker_started() -> None:
    told = json.loads(run("schedule_status", "--json"))

    entries = {entry["name"]: entry for entry in told["entries"]}
    assert {"prune_jobs", "prune_statistics", "cleanup_cache"} <= entries.keys()
    assert entries["prune_jobs"]["cron"] == "17 3 * * *"
    assert entries["prune_jobs"]["last_run"] is None
    assert entries["prune_jobs"]["next_at"] is not None
    assert {entry["pending"] for entry in told["entries"]} == {"add"}


def test_the_status_writes_nothing() -> None:
    with CaptureQueriesContext(connection) as seen:
        text = run("schedule_status")

    assert not Recurrence.objects.exists()
    assert len(seen) <= 3
    assert all(query["sql"].startswith("SELECT") for query in seen.captured_queries)
    assert "prune_jobs: 17 3 * * * (UTC)" in text
    unknown = "  the database does not know it yet: no worker has started since"
    assert text.count(unknown) == len(schedule.entries())


def test_once_a_worker_has_started_nothing_is_marked() -> None:
    schedule.synchronise()
    before = list(Recurrence.objects.order_by("name").values())

    told = json.loads(run("schedule_status", "--json"))

    assert {entry["pending"] for entry in told["entries"]} == {""}
    assert [entry["name"] for entry in told["entries"]] == [row["name"] for row in before]
    assert list(Recurrence.objects.order_by("name").values()) == before


def test_what_the_code_says_otherwise_by_now_is_marked() -> None:
    schedule.synchronise()
    Recurrence.objects.filter(name="prune_jobs").update(cron="0 1 * * *")
    Recurrence.objects.filter(name="cleanup_cache").update(declared=False, next_at=None)
    Recurrence.objects.create(name="former", cron="0 0 * * *", timezone="UTC")

    told = json.loads(run("schedule_status", "--json"))
    text = run("schedule_status")

    entries = {entry["name"]: entry for entry in told["entries"]}
    pending = {name: entry["pending"] for name, entry in entries.items() if entry["pending"]}
    assert pending == {"prune_jobs": "change", "cleanup_cache": "add", "former": "retire"}
    assert entries["prune_jobs"]["cron"] == "0 1 * * *", "so it runs until a worker starts"
    assert entries["cleanup_cache"]["declared"]
    assert entries["cleanup_cache"]["next_at"] is not None
    assert "  the code declares it otherwise by now; the next worker to start takes" in text
    assert "  the code no longer declares it; the next worker to start takes it out" in text


def test_what_people_and_errors_wrote_cannot_write_to_a_terminal() -> None:
    schedule.synchronise()
    schedule.run_now("prune_jobs")
    RecurringJob.objects.update(status="processing")
    RecurringJob.objects.update(
        status="failed", error_message="no\n  last never\x1b[2J" + "x" * 5000
    )
    schedule.pause("cleanup_cache", by="anna", reason="wait\x1b[1m")
    Recurrence.objects.filter(name="prune_statistics").update(
        paused_at=database_now(), pause_reason="by sql\x9b2J\u2028  next never"
    )

    lines = run("schedule_status").split("\n")

    odd = "\N{REPLACEMENT CHARACTER}"
    [failed] = [line for line in lines if "failed: no" in line]
    assert f"failed: no   last never{odd}[2Jxxx" in failed
    assert len(failed) == 1000
    assert any(line.endswith(f"by anna: wait{odd}[1m") for line in lines)
    assert any(line.endswith(f": by sql{odd}2J   next never") for line in lines)
    assert "  next never" not in lines


def test_the_status_for_people_says_next_and_last() -> None:
    schedule.synchronise()
    job = schedule.run_now("prune_jobs")
    RecurringJob.objects.update(status="processing")
    RecurringJob.objects.update(status="failed", error_message="the broom broke")
    schedule.pause("cleanup_cache", by="anna")
    Recurrence.objects.create(name="former", cron="0 0 * * *", timezone="UTC", declared=False)

    text = run("schedule_status")

    assert "prune_jobs: 17 3 * * * (UTC). Deletes jobs that ended" in text
    assert f"last {job.tick:%Y-%m-%d %H:%M:%S} UTC, failed: the broom broke" in text
    assert "next not while it is paused, since" in text
    assert "by anna" in text
    assert "next never: the code no longer declares it" in text
    assert "last never" in text


def test_a_run_that_was_pruned_is_still_dated() -> None:
    schedule.synchronise()
    schedule.run_now("prune_jobs")
    RecurringJob.objects.all().delete()

    assert "UTC, since pruned" in run("schedule_status")


# --- prune_jobs -----------------------------------------------------------------------------------


def test_pruning_by_hand_does_what_the_settings_say() -> None:
    attempt_of(ended(400, "failed"))
    ended(100)
    kept = ended(10)

    told = json.loads(run("prune_jobs", "errands", "--json"))

    assert told == {
        "attempts": 1,
        "dry_run": False,
        "failed": 1,
        "finished": 1,
        "queues": ["errands"],
        "seen": 2,
    }
    assert Errand.objects.get() == kept
    assert not Attempt.objects.exists()


def test_pruning_takes_every_queue_where_none_is_named() -> None:
    told = json.loads(run("prune_jobs", "--json"))

    assert told["queues"] == [kind.queue for kind in registry.kinds()]


def test_another_age_takes_failed_jobs_along() -> None:
    ended(3, "failed")
    ended(3)
    kept = ended(1)

    text = run("prune_jobs", "errands", "--older-than", "2")

    assert text == (
        "Deleted 1 completed or cancelled and 1 failed jobs of errands, out of 2 looked at.\n"
    )
    assert Errand.objects.get() == kept


def test_a_dry_run_prunes_nothing() -> None:
    ended(100)

    text = run("prune_jobs", "errands", "--batch-size", "1", "--dry-run")

    assert text.startswith("Would delete 1 completed or cancelled and 0 failed")
    assert Errand.objects.count() == 1


@pytest.mark.parametrize("age", ["0", "-1", "36501", "9" * 5000, "2w", "nan", "inf", ""])
def test_an_age_that_is_none_is_refused(age: str) -> None:
    with pytest.raises(CommandError, match="is not a whole number of days from 1 to 36500"):
        call_command("prune_jobs", f"--older-than={age}")
