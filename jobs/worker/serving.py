"""Running jobs one after another: in a child process, or in a thread of the worker."""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import Token
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import structlog
from django.db import close_old_connections
from django.utils.module_loading import import_string

from database.actor import (
    Actor,
    acting_as,
    acting_as_system,
    forget_actor,
    name_actor,
    name_system,
)
from jobs import context, registry
from jobs.errors import Cancelled, GiveUp, LostLease, RetryAfter
from jobs.models.job import Job
from jobs.outcomes import Outcome, Verdict
from jobs.worker.messages import Ready, Report, Task

log = structlog.get_logger(__name__)

_PAGE = os.sysconf("SC_PAGE_SIZE")


def prepare(queues: Sequence[str]) -> None:
    """Load the handlers and call what they want called once.

    A failure is only told: the job itself will meet it, and be failed with its reason.
    """
    for queue in queues:
        kind = registry.kind(queue)
        try:
            kind.load()
            if kind.prepare is not None:
                import_string(kind.prepare)()
        except Exception as error:  # whatever an import or a warm-up may raise
            log.exception("a worker process could not prepare", queue=queue, error=str(error))
    close_old_connections()


def serve(
    connection: Connection, *, recycle_after: int | None = None, recycle_above: int | None = None
) -> None:
    """Run what comes in until the other end closes, or until it is time to be replaced.

    ``recycle_after``: jobs; ``recycle_above``: bytes of memory. Neither for threads.
    """
    connection.send(Ready())
    served = 0
    while True:
        try:
            task: Task = connection.recv()
        except (EOFError, OSError):
            return
        outcome = run(task)
        served += 1
        retiring = (recycle_after is not None and served >= recycle_after) or (
            recycle_above is not None and memory_of(os.getpid()) > recycle_above
        )
        try:
            written = outcome is None and task.job.status == task.job.states.done
            connection.send(Report(outcome, written=written, retiring=retiring))
        except OSError:
            return  # nobody is left to hear it; the lease will run out
        if retiring:
            return


def run(task: Task) -> Outcome | None:
    """Run the job's handler for its person, and judge how it ended."""
    job = task.job
    close_old_connections()
    token = context.current.set((task.queue, job))
    try:
        with _acting_for(job):
            try:
                handler = registry.kind(task.queue).load()
                handler(job)
            except (Exception, SystemExit) as error:  # the job's failure, never the runner's
                return _judge(job, error)
            finally:
                close_old_connections()
            if job.status == job.states.done:  # holding(job, finish=True) has written it
                log.info("job finished", verdict=Verdict.DONE)
                return None
    finally:
        context.current.reset(token)
    return Outcome(job.id, job.attempt, Verdict.DONE)


CoroutineHandler = Callable[[Job], Awaitable[None]]


def coroutine_handler(queue: str) -> CoroutineHandler:
    """The handler of an async kind; one that cannot be loaded fails each job with the reason."""
    try:
        handler = registry.kind(queue).load()
    except Exception as error:
        reason = error

        async def fail(job: Job) -> None:
            raise reason

        return fail
    if not inspect.iscoroutinefunction(handler):

        async def refuse(job: Job) -> None:
            raise GiveUp(f"The handler of the queue {queue!r} is no coroutine function.")

        return refuse
    return handler


async def run_async(
    queue: str, handler: CoroutineHandler, job: Job
) -> Outcome | Literal[Verdict.DONE] | None:
    """The same for a coroutine handler; plain Verdict.DONE if it went well. CancelledError passes.

    Database connections are not its business: what a handler does with one, it does in a thread
    (``jobs.asynchronous.in_thread``).
    """
    token, actor = context.current.set((queue, job)), _name(job)
    try:
        await handler(job)
    except (Exception, SystemExit) as error:  # the job's failure, never the loop's
        return _judge(job, error)
    finally:
        forget_actor(actor)
        context.current.reset(token)
    return None if job.status == job.states.done else Verdict.DONE


def _acting_for(job: Job) -> AbstractContextManager[None]:
    """A job is done for its person; one for nobody is the product's own."""
    return acting_as_system() if job.actor_id is None else acting_as(job.actor_id)


def _name(job: Job) -> Token[Actor]:
    return name_system() if job.actor_id is None else name_actor(job.actor_id)


def _judge(job: Job, error: BaseException) -> Outcome | None:
    if isinstance(error, LostLease):
        log.warning("job has lost its lease while it ran")
        return None
    if isinstance(error, Cancelled):
        return Outcome(job.id, job.attempt, Verdict.CANCELLED, str(error) or None)
    if isinstance(error, RetryAfter):
        return Outcome(job.id, job.attempt, Verdict.RETRY, str(error), error.seconds)
    if isinstance(error, GiveUp) or getattr(error, "permanent", False):
        return Outcome(job.id, job.attempt, Verdict.FAILED, str(error) or type(error).__name__)
    # Neither message nor local variables: they may hold what was in the job. The row has them.
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.warning("job handler raised", error_type=type(error).__name__, frames=frames)
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Outcome(job.id, job.attempt, Verdict.RETRY, said)


def memory_of(pid: int) -> int:
    """Bytes of memory that the process holds (resident set size), or 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0
