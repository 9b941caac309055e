"""What the jobs of the tests do: each way to end, well or badly."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from database.actor import current_actor
from jobs.lease import holding, raise_if_cancelled, report_progress
from jobs.retry import GiveUp, RetryAfter
from tests.jobs.queueapp.models import Errand, Parcel, Receipt

prepared = 0


class Unfixable(Exception):
    """An error that says of itself that trying again would not help."""

    permanent = True


def prepare() -> None:
    """Counts how often a process was prepared."""
    global prepared  # noqa: PLW0603 - of this process
    prepared += 1


def run_errand(job: Errand) -> None:
    _DO[job.payload.get("do", "write")](job, job.payload)


def run_parcel(job: Parcel) -> None:
    _DO[job.payload.get("do", "write")](job, job.payload)


def write_receipt(job: Any, **fields: Any) -> None:
    Receipt.objects.create(
        job_id=job.pk, attempt=job.attempt, pid=os.getpid(), actor=current_actor(), **fields
    )


def write(job: Any, payload: dict[str, Any]) -> None:
    with holding(job, finish=payload.get("finish", False)):
        write_receipt(job)


def finish_itself(job: Any, payload: dict[str, Any]) -> None:
    """Done in the same transaction; then the process dies, which must not matter."""
    with holding(job, finish=True):
        write_receipt(job)
    if payload.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)


def sleep_then_write(job: Any, payload: dict[str, Any]) -> None:
    announce(payload)
    if job.attempt <= payload.get("slow_attempts", 99):
        time.sleep(payload["seconds"])
    write(job, payload)


def wait_then_write(job: Any, payload: dict[str, Any]) -> None:
    """Wait until the test gives the word, which is a file."""
    announce(payload)
    while job.attempt <= payload.get("slow_attempts", 99) and not Path(payload["word"]).exists():
        time.sleep(0.02)
    write(job, payload)


def poll_for_cancel(job: Any, payload: dict[str, Any]) -> None:
    announce(payload)
    for step in range(1000):
        report_progress(job, done=step, total=1000, message="counting")
        raise_if_cancelled(job)
        time.sleep(0.02)


def announce(payload: dict[str, Any]) -> None:
    """Tell the test, by a file, which process runs the job."""
    if "file" in payload:
        Path(payload["file"]).write_text(str(os.getpid()), encoding="ascii")


def loop(job: Any, payload: dict[str, Any]) -> None:
    announce(payload)
    while True:
        pass


def start_program_and_loop(job: Any, payload: dict[str, Any]) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(payload["file"]).write_text(str(child.pid), encoding="ascii")
    while True:
        time.sleep(0.1)


def eat_memory(job: Any, payload: dict[str, Any]) -> None:
    hoard = []
    while True:
        hoard.append(b"x" * (16 << 20))
        time.sleep(0.02)


def fail(job: Any, payload: dict[str, Any]) -> None:
    raise ValueError(payload.get("error", "the errand went wrong"))


def fail_oddly(job: Any, payload: dict[str, Any]) -> None:
    raise ValueError("a\x00b\ud800")


def fail_once(job: Any, payload: dict[str, Any]) -> None:
    if job.retry_count == 0:
        raise ValueError("the first time always fails")
    write(job, payload)


def retry_after(job: Any, payload: dict[str, Any]) -> None:
    raise RetryAfter(payload["seconds"], "the shop is closed")


def give_up(job: Any, payload: dict[str, Any]) -> None:
    raise GiveUp("the shop has burnt down")


def fail_for_good(job: Any, payload: dict[str, Any]) -> None:
    raise Unfixable("the list is empty")


def exit_at_once(job: Any, payload: dict[str, Any]) -> None:
    os._exit(payload.get("code", 3))


def sys_exit(job: Any, payload: dict[str, Any]) -> None:
    sys.exit("leaving")


def close_everything(job: Any, payload: dict[str, Any]) -> None:
    for number in range(3, 256):
        with contextlib.suppress(OSError):
            os.close(number)
    time.sleep(600)


def say(job: Any, payload: dict[str, Any]) -> None:
    """Writes what it was told, and by whom."""
    with holding(job):
        write_receipt(job)
    Path(payload["file"]).write_text(f"{prepared} {os.getpid()}", encoding="ascii")


_DO: dict[str, Callable[[Any, dict[str, Any]], None]] = {
    handler.__name__: handler
    for handler in (
        write,
        finish_itself,
        sleep_then_write,
        wait_then_write,
        poll_for_cancel,
        loop,
        start_program_and_loop,
        eat_memory,
        fail,
        fail_oddly,
        fail_once,
        retry_after,
        give_up,
        fail_for_good,
        exit_at_once,
        sys_exit,
        close_everything,
        say,
    )
}
