"""What ``run_worker`` may be asked for."""

from __future__ import annotations

import dataclasses
import io
import os
from typing import Any

import pytest
import structlog
from django.core.management import CommandError, call_command

from jobs import registry
from jobs.management.commands import run_worker
from jobs.worker.options import Options

pytestmark = pytest.mark.django_db

CORES = len(os.sched_getaffinity(0))
Asked = list[Options]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What workers were asked for, none of which works."""
    found: Asked = []

    class Idle:
        exit_code = 0

        def __init__(self, options: Options) -> None:
            found.append(options)

        def run(self) -> None:
            """Nothing waits."""

    monkeypatch.setattr(run_worker, "Dispatcher", Idle)
    monkeypatch.setattr(run_worker, "for_long_life", str)
    return found


# --- Queues ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["errands", "parcels"],
        ["--queues", "errands,parcels"],
        ["--queues", " errands , parcels,errands "],
        ["errands", "--queues", "parcels"],
        ["--drain", "errands", "parcels"],
    ],
)
def test_the_queues_are_named_as_words_or_in_an_option(asked: Asked, words: list[str]) -> None:
    call_command("run_worker", *words)

    assert [options.queues for options in asked] == [("errands", "parcels")]


def test_without_a_name_it_works_on_all_queues(asked: Asked) -> None:
    call_command("run_worker")

    assert asked[0].queues == tuple(kind.queue for kind in registry.kinds())


def test_a_worker_for_no_queue_at_all_is_refused(asked: Asked) -> None:
    with pytest.raises(CommandError, match="--queues names no queue"):
        call_command("run_worker", "--queues", " , ")

    assert asked == []


@pytest.mark.parametrize("words", [["letters"], ["errands", "--queues", "letters"]])
def test_a_worker_for_an_unknown_queue_is_refused(asked: Asked, words: list[str]) -> None:
    with pytest.raises(CommandError, match=r"no queue 'letters'\. There are: .*errands, "):
        call_command("run_worker", *words)

    assert asked == []


# --- Numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "-inf", "1e400", "9" * 5000, "soon", ""])
@pytest.mark.parametrize(
    ("option", "bounds"),
    [
        ("--concurrency", "a whole number from 1 to 1000"),
        ("--recycle-after", "a whole number from 1 to 1000000000"),
        ("--recycle-above", "a whole number from 1 to 16777216"),
        ("--memory-limit", "a whole number from 1 to 16777216"),
        ("--poll", "a number of seconds from 0 to 86,400"),
        ("--grace", "a number of seconds from 0 to 86,400"),
    ],
)
def test_a_number_out_of_bounds_is_refused_with_the_bounds(
    asked: Asked, option: str, bounds: str, value: str
) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("run_worker", f"{option}={value}")

    said = str(refused.value)
    assert said.endswith(f"is not {bounds}")
    assert f"argument {option}: " in said
    assert len(said) < 200
    assert asked == []


@pytest.mark.parametrize("option", ["--concurrency", "--recycle-after", "--memory-limit"])
def test_a_worker_for_nothing_is_refused(asked: Asked, option: str) -> None:
    with pytest.raises(CommandError, match="'0' is not a whole number from 1"):
        call_command("run_worker", option, "0")

    assert asked == []


def test_numbers_within_their_bounds_are_taken(asked: Asked) -> None:
    words = ["--concurrency=3", "--poll=0", "--grace=86400", "--memory-limit=16777216"]
    call_command("run_worker", *words)

    [options] = asked
    assert (options.concurrency, options.poll, options.grace) == (3, 0.01, 86_400)
    assert options.memory_limit == 1 << 44


# --- More than the machine can serve --------------------------------------------------------------


def warned(**asked_for: Any) -> list[Any]:
    with structlog.testing.capture_logs() as logs:
        call_command("run_worker", "errands", **asked_for)
    return [one for one in logs if one["log_level"] == "warning"]


def test_more_processes_than_the_machine_can_serve_are_warned_of(asked: Asked) -> None:
    [said] = warned(concurrency=8 * CORES + 1)

    assert said["event"] == "more job processes than the machine can serve: lower --concurrency"
    assert (said["concurrency"], said["cores"]) == (8 * CORES + 1, CORES)
    assert said["queues"] == ["errands"]
    assert len(asked) == 1, "it works nevertheless"


def test_as_many_as_it_can_serve_are_not_warned_of(asked: Asked) -> None:
    assert warned(concurrency=8 * CORES) == []


@pytest.mark.parametrize("changed", [{"executor": "thread"}, {"concurrency": 2}])
def test_threads_and_kinds_with_a_limit_of_their_own_are_not_warned_of(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    kind = registry.kind("errands")
    monkeypatch.setitem(registry._KINDS, "errands", dataclasses.replace(kind, **changed))

    assert warned(concurrency=1000) == []


def test_the_help_says_where_it_warns_and_what_it_refuses() -> None:
    parser = run_worker.Command(stdout=io.StringIO()).create_parser("manage.py", "run_worker")
    told = " ".join(parser.format_help().split())

    assert f"up to 1000 (one for each core: {CORES}); above {8 * CORES} of a queue" in told
