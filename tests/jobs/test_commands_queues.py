"""The operators' commands for queues and their jobs."""

from __future__ import annotations

import io
import json
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from database.fields import uuid7
from jobs import switches
from jobs.errors import UnknownQueue
from jobs.management import arguments
from jobs.models import Queue
from jobs.moments import database_now
from tests.jobs.queueapp.models import Errand, Parcel

pytestmark = pytest.mark.django_db

ANNA, BERT = uuid7(), uuid7()


def told(*words: str) -> Any:
    """What the command says as JSON."""
    out = io.StringIO()
    call_command(*words, "--json", stdout=out)
    return json.loads(out.getvalue())


def said(*words: str) -> str:
    """What the command says to a person."""
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def failed(**fields: Any) -> Errand:
    return Errand.objects.create(status="failed", completed_at=database_now(), **fields)


def statuses() -> list[str]:
    return list(Errand.objects.order_by("status").values_list("status", flat=True))


# --- Pausing and limiting -------------------------------------------------------------------------


def test_a_paused_queue_gives_out_no_job_until_it_is_resumed() -> None:
    Errand.objects.enqueue([Errand()])

    assert told("pause_queue", "errands", "--reason", "moving house")["changed"]
    assert switches.is_paused("errands")
    assert Errand.objects.claim("w1", 1, time_limit=timedelta(minutes=1)) == []
    row = Queue.objects.get()
    assert row.table_name == "test_errands"
    assert row.paused_by.endswith(", by command")
    assert row.pause_reason == "moving house"

    assert told("resume_queue", "errands")["changed"]
    assert not switches.is_paused("errands")
    assert len(Errand.objects.claim("w1", 1, time_limit=timedelta(minutes=1))) == 1


def test_pausing_again_keeps_who_paused_it_and_says_so() -> None:
    switches.pause("errands", by="anna")

    assert said("pause_queue", "errands") == "The queue errands was paused already.\n"

    assert Queue.objects.get().paused_by == "anna"


def test_resuming_an_open_queue_does_no_harm() -> None:
    assert said("resume_queue", "errands") == "The queue errands was not paused.\n"
    assert not Queue.objects.exists()


def test_a_dry_run_pauses_resumes_and_limits_nothing() -> None:
    assert said("pause_queue", "errands", "--dry-run") == "Would pause the queue errands.\n"
    said("limit_queue", "errands", "--jobs", "5", "--dry-run")
    assert not Queue.objects.exists()

    switches.pause("errands", by="anna")
    assert said("resume_queue", "errands", "--dry-run") == "Would resume the queue errands.\n"
    assert switches.is_paused("errands")


def test_the_way_back_is_told() -> None:
    assert "python manage.py resume_queue errands" in said("pause_queue", "errands")
    assert said("resume_queue", "errands") == "The queue errands goes on.\n"


def test_a_limit_is_set_changed_and_lifted() -> None:
    assert told("limit_queue", "errands", "--jobs", "100", "--seconds", "30") == {
        "queue": "errands",
        "jobs": 100,
        "seconds": 30,
        "dry_run": False,
    }
    Queue.objects.update(tokens=3.0, tokens_at=database_now())
    told("limit_queue", "errands", "--jobs", "50")
    row = Queue.objects.get()
    assert (row.rate_limit, row.rate_seconds, row.tokens) == (50, 60, None)

    assert "without a limit" in said("limit_queue", "errands", "--none")
    assert Queue.objects.get().rate_limit is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--jobs", "0"], "'0' is not a whole number from 1 to 2147483647"),
        (["--jobs", "2147483648"], "'2147483648' is not a whole number from 1 to 2147483647"),
        (["--jobs", "5", "--none"], "not allowed with argument"),
        ([], "one of the arguments --jobs --none is required"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("limit_queue", "errands", *words)

    assert not Queue.objects.exists()


@pytest.mark.parametrize(
    "seconds", ["0", "-1", "86401", "90000", "9" * 5000, "1e3", "1.5", "nan", "inf", "", "²"]
)
def test_a_time_out_of_bounds_is_refused_with_the_bounds(seconds: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("limit_queue", "errands", "--jobs", "5", f"--seconds={seconds}")

    said = str(refused.value)
    assert said.endswith("is not a whole number of seconds from 1 to 86400")
    assert "argument --seconds: " in said
    assert len(said) < 200
    assert not Queue.objects.exists()


@pytest.mark.parametrize("jobs", [0, -1, 2**31])
def test_no_door_sets_a_limit_out_of_bounds(jobs: int) -> None:
    with pytest.raises(switches.NotForThisQueue, match=f"from 1 to 2147483647 jobs, not {jobs}"):
        switches.limit("errands", jobs=jobs)


@pytest.mark.parametrize(
    "words",
    [
        ["pause_queue", "letters"],
        ["resume_queue", "letters"],
        ["limit_queue", "letters", "--jobs", "1"],
        ["retry_jobs", "letters", "--all"],
        ["cancel_jobs", "letters", "--all"],
        ["prune_jobs", "letters"],
    ],
    ids=lambda words: words[0],
)
def test_an_unknown_queue_is_refused_with_those_there_are(words: list[str]) -> None:
    with pytest.raises(CommandError, match=r"no queue 'letters'\. There are: .*errands, "):
        call_command(*words)


@pytest.mark.parametrize("command", ["retry_jobs", "cancel_jobs"])
def test_the_queue_of_jobs_may_be_named_by_an_option_too(command: str) -> None:
    assert told(command, "--queue", "errands", "--all")["queue"] == "errands"
    assert told(command, "--all", "errands")["queue"] == "errands"


@pytest.mark.parametrize("command", ["retry_jobs", "cancel_jobs"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--all"], "one of the arguments queue --queue is required"),
        (["errands", "--queue", "parcels", "--all"], "not allowed with argument queue"),
        (["--queue", "letters", "--all"], "no queue 'letters'"),
    ],
)
def test_one_queue_must_be_named(command: str, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command(command, *words)


def test_several_queues_may_be_pruned_named_either_way() -> None:
    words = ["errands", "parcels", "--queue", "imaging", "--queue", "errands"]

    assert told("prune_jobs", *words)["queues"] == ["errands", "parcels", "imaging"]


def test_the_switches_refuse_an_unknown_queue_too() -> None:
    for switch in (switches.is_paused, switches.retry_failed, switches.cancel_jobs):
        with pytest.raises(UnknownQueue, match="no queue 'letters'"):
            switch("letters")


# --- Retrying -------------------------------------------------------------------------------------


def test_all_failed_jobs_are_put_in_line_in_batches() -> None:
    for _ in range(5):
        failed(retry_count=3)
    Errand.objects.create(status="completed")

    outcome = told("retry_jobs", "errands", "--all", "--batch-size", "2")

    assert outcome == {"queue": "errands", "retried": 5, "duplicates": 0, "dry_run": False}
    assert statuses() == ["completed", *["retrying"] * 5]
    assert set(Errand.objects.values_list("retry_count", flat=True)) == {0}


def test_a_table_without_a_state_for_retries_is_retried_in_its_own_way() -> None:
    Parcel.objects.create(status="failed")

    told("retry_jobs", "parcels", "--all")

    parcel = Parcel.objects.get()
    assert (parcel.status, parcel.available_at is None) == ("pending", False)


def test_only_the_jobs_named_are_retried() -> None:
    named, other = failed(), failed()

    assert told("retry_jobs", "errands", "--job", str(named.pk))["retried"] == 1

    named.refresh_from_db()
    other.refresh_from_db()
    assert (named.status, other.status) == ("retrying", "failed")


def test_only_what_failed_since_a_moment_is_retried() -> None:
    lately, before = failed(), failed()
    Errand.objects.filter(pk=before.pk).update(completed_at=database_now() - timedelta(hours=5))

    outcome = told("retry_jobs", "errands", "--all", "--failed-since", "2h")

    assert outcome["retried"] == 1
    lately.refresh_from_db()
    assert lately.status == "retrying"


def test_a_job_whose_like_waits_stays_failed_and_the_others_are_retried() -> None:
    jobs = [failed(unique_key=key) for key in ("a", "b", "c")]
    Errand.objects.enqueue([Errand(unique_key="b")])

    text = said("retry_jobs", "errands", "--all")

    assert "Put 2 failed jobs of errands in line once more." in text
    assert "1 stay failed: the same job waits or runs meanwhile." in text
    jobs[1].refresh_from_db()
    assert jobs[1].status == "failed"


def test_a_dry_run_counts_what_would_be_retried() -> None:
    failed()

    assert said("retry_jobs", "errands", "--all", "--dry-run") == (
        "Would put 1 failed jobs of errands in line once more.\n"
    )
    assert statuses() == ["failed"]


@pytest.mark.parametrize("command", ["retry_jobs", "cancel_jobs"])
def test_a_job_that_does_not_exist_is_refused_by_id(command: str) -> None:
    there, missing = failed(), uuid4()

    with pytest.raises(CommandError, match=f"The queue errands has no job {missing}"):
        call_command(command, "errands", "--job", str(there.pk), "--job", str(missing))

    assert statuses() == ["failed"], "nothing was changed before the refusal"


def test_a_job_that_has_not_failed_is_not_retried() -> None:
    job = Errand.objects.create(status="completed")

    with pytest.raises(CommandError, match=f"The job {job.pk} is completed: only a failed job"):
        call_command("retry_jobs", "errands", "--job", str(job.pk))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--job", "17"], "'17' is not an id such as"),
        ([], "one of the arguments --job --all is required"),
        (["--all", "--failed-since", "lately"], "'lately' is not a moment such as"),
        (["--all", "--failed-since", "2026-13-01"], "'2026-13-01' is not a moment"),
        (["--all", "--failed-since", "2026-02-30T09:00"], "is no moment: "),
        (["--all", "--failed-since", "999999w"], "is no moment"),
    ],
)
def test_wrong_arguments_are_refused_with_what_is_wanted(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("retry_jobs", "errands", *words)


# --- Cancelling -----------------------------------------------------------------------------------


def test_all_that_wait_are_cancelled_and_those_that_run_are_asked_to_stop() -> None:
    Errand.objects.enqueue([Errand() for _ in range(4)])
    [running] = Errand.objects.claim("w1", 1, time_limit=timedelta(minutes=1))
    failed()
    Errand.objects.create(status="completed")

    outcome = told("cancel_jobs", "errands", "--all", "--batch-size", "2")

    assert outcome == {"queue": "errands", "cancelled": 4, "dry_run": False}
    assert statuses() == ["cancelled"] * 3 + ["completed", "failed", "processing"]
    running.refresh_from_db()
    assert running.cancel_requested


def test_one_persons_jobs_are_cancelled() -> None:
    Errand.objects.enqueue([Errand(user_id=ANNA), Errand(user_id=BERT), Errand(user_id=ANNA)])

    assert told("cancel_jobs", "errands", "--user", str(ANNA))["cancelled"] == 2

    assert list(Errand.objects.live().values_list("user_id", flat=True)) == [BERT]


def test_jobs_that_belong_to_nobody_are_not_cancelled_by_person() -> None:
    with pytest.raises(CommandError, match="The jobs of the queue parcels belong to nobody."):
        call_command("cancel_jobs", "parcels", "--user", str(ANNA))


def test_a_failed_job_is_cancelled_by_name() -> None:
    job = failed()

    assert told("cancel_jobs", "errands", "--job", str(job.pk))["cancelled"] == 1

    assert statuses() == ["cancelled"]


def test_a_job_that_has_ended_is_not_cancelled() -> None:
    job = Errand.objects.create(status="completed")

    with pytest.raises(CommandError, match=f"The job {job.pk} is completed: it has ended already"):
        call_command("cancel_jobs", "errands", "--job", str(job.pk))


def test_a_dry_run_counts_what_would_be_cancelled() -> None:
    Errand.objects.enqueue([Errand(), Errand()])

    assert told("cancel_jobs", "errands", "--all", "--dry-run")["cancelled"] == 2
    assert statuses() == ["queued", "queued"]


def test_jobs_that_come_in_meanwhile_are_left_alone() -> None:
    Errand.objects.enqueue([Errand() for _ in range(4)])
    batches = switches.cancel_batches("errands", batch_size=2)

    next(batches)
    late = Errand.objects.enqueue([Errand()])[0]
    assert sum(batch.jobs for batch in batches) == 2

    assert list(Errand.objects.live()) == [late]


# --- Arguments ------------------------------------------------------------------------------------


def test_a_moment_is_a_date_a_time_or_an_age(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"

    assert arguments.moment("2026-11-21").astimezone(UTC) == datetime(2026, 11, 20, 23, tzinfo=UTC)
    assert arguments.moment("2026-11-21T09:30Z") == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    before = datetime.now(UTC)
    ago = arguments.moment("3d") + timedelta(days=3)
    assert before <= ago <= datetime.now(UTC)
    with pytest.raises(ArgumentTypeError, match="'' is not a moment"):
        arguments.moment("")


def test_an_operator_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr("os.getuid", lambda: 4711)

    assert arguments.operator() == "user 4711, by command"


def test_the_bulk_switches_walk_the_table_once() -> None:
    """Each batch begins where the one before it ended, however many ended jobs lie between."""
    Errand.objects.enqueue([Errand() for _ in range(6)])
    seen: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        assert switches.cancel_jobs("errands") == 6

    reads = [sql for sql in seen if sql.startswith("SELECT") and "ORDER BY" in sql]
    assert len(reads) == 3
    assert '"id" >' in reads[-1]


def test_a_reason_to_pause_cannot_write_to_a_terminal() -> None:
    switches.pause("errands", by="a@example.org", reason="stop\x1b[2J\u202enow\nplease")

    row = Queue.objects.get(table_name="test_errands")
    odd = "\N{REPLACEMENT CHARACTER}"
    assert row.pause_reason == f"stop{odd}[2J{odd}now\nplease"
