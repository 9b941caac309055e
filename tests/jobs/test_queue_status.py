"""``queue_status``: what it counts and at what price, once and again and again."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections
from django.utils import timezone

from jobs import registry, status, switches
from jobs.models import Queue, Worker
from tests.jobs.queueapp.models import Errand, Parcel
from tests.jobs.statistics import make_statistic


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("queue_status", *arguments, stdout=out)
    return out.getvalue()


def queue(name: str) -> dict[str, Any]:
    found = json.loads(told("--json"))["queues"]
    one: dict[str, Any] = next(each for each in found if each["queue"] == name)
    return one


# --- Once ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_last_hour_and_its_quantiles_are_told() -> None:
    for ago in (0, 2, 3, 4, 5):
        make_statistic("test_errands", minutes_ago=ago, waits=[0.1] * 10, runs=[2.0] * 10, failed=2)

    found = queue("errands")

    assert found["last_hour"] == {"done": 50, "failed": 10, "retried": 0, "cancelled": 0}
    assert found["per_minute"] == 12.0
    assert found["wait_seconds"]["p50"] == pytest.approx(0.1, rel=0.1)
    assert found["run_seconds"]["p99"] == pytest.approx(2.0, rel=0.1)
    assert queue("parcels")["run_seconds"] == {"p50": None, "p95": None, "p99": None}
    assert "last hour: 50 done, 10 failed; 12.0 a minute now" in told()
    assert "run  p50 1.9 s, p95 1.9 s" in told()


@pytest.mark.django_db
def test_the_switches_are_told() -> None:
    switches.pause("errands", by="ada", reason="the depot moves")
    switches.limit("errands", jobs=60, seconds=90)

    found, text = queue("errands"), told()

    assert found["paused_by"] == "ada"
    assert (found["rate_limit"], found["rate_seconds"]) == (60, 90)
    assert queue("parcels")["paused_at"] is None
    assert queue("parcels")["rate_seconds"] is None
    assert "by ada: the depot moves" in text
    assert "at most 60 jobs in 90 s" in text


@pytest.mark.django_db
def test_workers_say_what_they_have_in_hand() -> None:
    Worker.objects.create(
        name="one", hostname="h", pid=1, queues=["errands"], concurrency=4, busy=3, listens=False
    )

    assert "worker one: errands; 3 of 4 at a time, polls" in told()


@pytest.mark.django_db
def test_jobs_are_told_apart_by_what_they_wait_for() -> None:
    later = timezone.now() + timedelta(hours=1)
    Parcel.objects.enqueue([Parcel(), Parcel(available_at=later), Parcel(available_at=later)])
    Errand.objects.bulk_create([Errand(status=name) for name in ("retrying", "failed", "queued")])

    parcels = status.queue("parcels").counts
    errands = status.queue("errands").counts

    assert (parcels.ready, parcels.delayed, parcels.waiting) == (1, 2, 3)
    assert (errands.ready, errands.delayed, errands.failed) == (1, 1, 1)


@pytest.mark.django_db
def test_a_large_table_is_counted_by_index_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    later = timezone.now() + timedelta(hours=1)
    names = ("completed", "cancelled", "failed", "processing", "processing", "retrying", "queued")
    Errand.objects.bulk_create([Errand(status=name) for name in names])
    Errand.objects.bulk_create([Errand(available_at=later)])
    whole = status.counts(registry.kind("errands"))
    monkeypatch.setattr(status, "_SMALL", -1)

    indexed = status.counts(registry.kind("errands"))

    assert (indexed.ready, indexed.delayed, indexed.running) == (1, 2, 2)
    assert (whole.ready, whole.delayed, whole.running) == (1, 2, 2)
    assert (whole.failed, whole.by_status["completed"]) == (1, 1)
    assert "completed" not in indexed.by_status
    assert indexed.by_status["queued"] == 2


@pytest.mark.django_db
def test_the_counts_of_a_large_table_read_no_finished_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each count of live jobs is one that a partial index answers, whatever else is there."""
    Errand.objects.bulk_create([Errand(status="completed") for _ in range(3000)])
    Errand.objects.bulk_create([Errand() for _ in range(5)])
    monkeypatch.setattr(status, "_SMALL", -1)
    plans: list[str] = []

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "COUNT(" in sql.upper():
            with connection.connection.cursor() as own:
                own.execute("SET LOCAL enable_seqscan = off")
                own.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(row[0] for row in own.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        status.counts(registry.kind("errands"))

    live = [plan for plan in plans if "'failed'" not in plan]
    assert len(live) == 4
    assert all("idx_test_errands_" in plan for plan in live), live


# --- Again and again ----------------------------------------------------------------------------


@contextmanager
def watching(*arguments: str, stdout: int) -> Iterator[subprocess.Popen[bytes]]:
    """``queue_status --watch`` as a process of its own, on the test's database."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE_NAME": connection.settings_dict["NAME"],
        "LOG_LEVEL": "WARNING",
        "LINES": "40",
        "COLUMNS": "120",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "queue_status", "--watch", "--interval", "1", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def read_until(
    handle: int, wanted: bytes, found: bytes = b"", *, times: int = 1, seconds: float = 30
) -> bytes:
    """What was found and what comes in, until it holds ``wanted`` so many times."""
    end = time.monotonic() + seconds
    while found.count(wanted) < times:
        ready, _, _ = select.select([handle], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"{wanted!r} did not come in {seconds} s: {found[-500:]!r}"
        found += os.read(handle, 65536)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watching_ends_cleanly_when_asked(transactional_db: None, number: signal.Signals) -> None:
    with watching(stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        read_until(process.stdout.fileno(), b"no worker\n")
        process.send_signal(number)

        assert process.wait(timeout=20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_watching_shows_what_changes(transactional_db: None) -> None:
    with watching("--json", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        handle = process.stdout.fileno()
        said = read_until(handle, b"\n")
        Errand.objects.enqueue([Errand(), Errand()])
        said = read_until(handle, b'"queued": 2', said)

        whole = [json.loads(line) for line in said.splitlines()[:-1]]
        assert all(set(one) == {"queues", "workers"} for one in whole)
        assert not any(one["counts"] for one in whole[0]["queues"])


def test_on_a_terminal_it_redraws_in_place(transactional_db: None) -> None:
    mine, theirs = pty.openpty()
    with watching(stdout=theirs) as process:
        os.close(theirs)
        said = read_until(mine, b"no worker", times=2)
        process.send_signal(signal.SIGINT)

        assert said.count(b"\x1b[H") == said.count(b"Ctrl-C ends") == 2
        assert process.wait(timeout=20) == 0
    os.close(mine)


class _Enough(Exception):
    """Ends a watch in a test."""


def _looks(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let the command look so many times, without waiting."""
    left = iter(range(count - 1))

    def sleep(seconds: float) -> None:
        if next(left, None) is None:
            raise _Enough

    monkeypatch.setattr(time, "sleep", sleep)


@pytest.mark.django_db
def test_a_lost_database_is_said_and_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = status.as_json, iter([False, True, False])

    def sometimes_away() -> dict[str, Any]:
        if next(calls):
            raise OperationalError("server closed the connection\n\tunexpectedly")
        return real()

    monkeypatch.setattr(status, "as_json", sometimes_away)
    monkeypatch.setattr(connections, "close_all", lambda: None)
    _looks(monkeypatch, 3)
    out = io.StringIO()

    with pytest.raises(_Enough):
        call_command("queue_status", "--watch", stdout=out)

    text = out.getvalue()
    assert "The database does not answer: server closed the connection" in text
    assert "Asked again every 2 s" in text
    assert text.count("errands (test_errands): empty") == 2


@pytest.mark.django_db
def test_a_screen_too_small_says_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((30, 5)))
    _looks(monkeypatch, 1)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with pytest.raises(_Enough):
        call_command("queue_status", "--watch", stdout=out)

    lines = out.getvalue().split("\n")
    assert any(line.startswith("and ") and "more lines" in line for line in lines)
    assert len(lines) <= 5
    assert all(len(line.replace("\x1b[K", "").replace("\x1b[H", "")) < 60 for line in lines)


@pytest.mark.django_db
def test_what_people_wrote_cannot_write_to_a_terminal() -> None:
    switches.pause("errands", by="ada")
    told_by_sql = "the depot\n  no worker answers\x1b]0;owned\x07\u202e"
    Queue.objects.update(pause_reason=told_by_sql, paused_by="ada\x1b[2J")

    lines = told().split("\n")

    odd = "\N{REPLACEMENT CHARACTER}"
    [paused] = [line for line in lines if "paused since" in line]
    assert paused.endswith(f"by ada{odd}[2J: the depot   no worker answers{odd}]0;owned{odd}{odd}")


@pytest.mark.parametrize("interval", ["0", "-1", "soon", "86401", "9" * 5000, "nan", "inf", "1.5"])
def test_a_wrong_interval_is_refused(interval: str) -> None:
    with pytest.raises(CommandError, match=r"--interval: .{1,60} number of seconds from 1 to"):
        call_command("queue_status", "--watch", "--interval", interval)
