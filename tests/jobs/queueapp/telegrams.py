"""What the coroutine jobs of the tests do: each way to end, well or badly."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from jobs.asynchronous import in_thread
from jobs.lease import report_progress
from tests.jobs.queueapp import handlers
from tests.jobs.queueapp.models import Telegram

Payload = dict[str, Any]


async def run_telegram(job: Telegram) -> None:
    """Do what the payload says. Reading it is a query, so it is read in a thread."""
    payload: Payload = await in_thread(getattr, job, "payload")
    await _DO[payload.get("do", "write")](job, payload)


async def write(job: Telegram, payload: Payload) -> None:
    """Write a receipt; with ``finish``, the job is done in the same transaction."""
    await in_thread(handlers.write, job, payload)


async def noop(job: Telegram, payload: Payload) -> None:
    """Nothing."""


async def nap(job: Telegram, payload: Payload) -> None:
    """Sleep for ``seconds``, in the first ``slow_attempts`` attempts; the worker tells the end."""
    if job.attempt <= payload.get("slow_attempts", 99):
        await asyncio.sleep(payload["seconds"])


async def sleep(job: Telegram, payload: Payload) -> None:
    """Sleep for ``seconds``, in the first ``slow_attempts`` attempts, then write.

    Before that, each leaves a file of its own in ``folder``, if there is one.
    """
    await in_thread(handlers.announce, payload)
    if "folder" in payload:
        (Path(payload["folder"]) / str(job.id)).touch()
    if job.attempt <= payload.get("slow_attempts", 99):
        await asyncio.sleep(payload["seconds"])
    await write(job, payload)


async def wait(job: Telegram, payload: Payload) -> None:
    """Wait until the test gives the word, which is a file, then write."""
    while not Path(payload["word"]).exists():
        await asyncio.sleep(0.02)
    await write(job, payload)


async def write_late(job: Telegram, payload: Payload) -> None:
    """The same, but it sleeps in the thread that writes: being stopped does not stop it."""

    def late() -> None:
        if job.attempt <= payload.get("slow_attempts", 99):
            time.sleep(payload["seconds"])
        handlers.write(job, payload)

    await in_thread(late)


async def progress(job: Telegram, payload: Payload) -> None:
    """Say how far it is, in the first ``slow_attempts`` attempts for ever."""
    step = 0
    while job.attempt <= payload.get("slow_attempts", 99):
        await in_thread(report_progress, job, done=step, message=f"attempt {job.attempt}")
        await asyncio.sleep(0.5)
        step += 1


async def block(job: Telegram, payload: Payload) -> None:
    """Hold the event loop up, in the first ``slow_attempts`` attempts.

    It lasts for ``seconds``, or until the test gives the word, which is a file.
    """
    await in_thread(handlers.announce, payload)
    ends = time.monotonic() + payload["seconds"]
    while job.attempt <= payload.get("slow_attempts", 99) and time.monotonic() < ends:
        if "word" in payload and Path(payload["word"]).exists():
            break
        time.sleep(0.05)  # the fault that is tested
    await write(job, payload)


async def swallow(job: Telegram, payload: Payload) -> None:
    """Refuse to be cancelled for ``seconds``, then write."""
    await in_thread(handlers.announce, payload)
    ends = time.monotonic() + payload["seconds"]
    while (left := ends - time.monotonic()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue
    await write(job, payload)


async def tidy_up(job: Telegram, payload: Payload) -> None:
    """Stop when cancelled, but not before something is put away."""
    await in_thread(handlers.announce, payload)
    try:
        await asyncio.sleep(payload["seconds"])
    finally:
        await asyncio.sleep(0.1)


async def fail(job: Telegram, payload: Payload) -> None:
    """Raise an error."""
    raise ValueError(payload.get("error", "the telegram was garbled"))


async def give_up(job: Telegram, payload: Payload) -> None:
    """Fail for good."""
    await in_thread(handlers.give_up, job, payload)


async def retry_after(job: Telegram, payload: Payload) -> None:
    """Ask for another attempt later."""
    await in_thread(handlers.retry_after, job, payload)


async def exit_at_once(job: Telegram, payload: Payload) -> None:
    """End the whole worker, in the first ``slow_attempts`` attempts."""
    if job.attempt <= payload.get("slow_attempts", 99):
        os._exit(payload.get("code", 3))
    await write(job, payload)


async def sys_exit(job: Telegram, payload: Payload) -> None:
    """Ask Python to end."""
    sys.exit("leaving")


_DO: dict[str, Callable[[Telegram, Payload], Awaitable[None]]] = {
    handler.__name__: handler
    for handler in (
        write,
        noop,
        nap,
        sleep,
        wait,
        write_late,
        progress,
        block,
        swallow,
        tidy_up,
        fail,
        give_up,
        retry_after,
        exit_at_once,
        sys_exit,
    )
}
