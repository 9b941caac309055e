"""The kinds of job there are: each app registers its own in ``AppConfig.ready``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from django.utils.module_loading import import_string

from database import system_settings
from jobs.errors import UnknownQueue
from jobs.models.job import Job
from jobs.querysets import JobQuerySet
from jobs.retry import RetryRule

Handler = Callable[[Any], None] | Callable[[Any], Coroutine[Any, Any, None]]
Executor = Literal["process", "thread", "async"]

# Jobs of an async kind that one worker runs at once, unless the kind says otherwise.
_ASYNC_CONCURRENCY: Final = 100


@dataclass(frozen=True, slots=True)
class JobKind:
    """What a worker needs to know of a queue.

    ``model``       the table, a concrete subclass of ``Job``; a table belongs to one queue
    ``handler``     called with the job, outside any transaction; best given as a dotted path, so
                    that only workers import what it needs
    ``executor``    ``process`` for what computes: it can be killed, and its fall harms no
                    neighbour; ``thread`` for what waits for others: it cannot be killed, so its
                    handler limits its own waiting; ``async`` for what waits in great numbers: the
                    handler is a coroutine function and never blocks
    ``time_limit``  after which the job is stopped; None: the system setting ``job_timeout``
    ``prepare``     called once in each worker process before its first job, e.g. to compile
    ``concurrency`` jobs of this kind that one worker runs at once; None: what the worker was
                    started with, or 100 for ``async``
    ``limit_per_person``  no more of one person's jobs run at once, over all workers, than the
                    system setting ``max_concurrent_jobs`` says
    ``keep``        how long finished jobs are kept; None: as the system settings say
    """

    queue: str
    model: type[Job]
    handler: str | Handler
    executor: Executor = "process"
    time_limit: timedelta | None = None
    retry: RetryRule = field(default_factory=RetryRule)
    prepare: str | None = None
    concurrency: int | None = None
    limit_per_person: bool = False
    keep: timedelta | None = None

    def places(self, concurrency: int) -> int:
        """Jobs of this kind that a worker started with ``concurrency`` runs at once."""
        if self.executor == "async":
            return self.concurrency or _ASYNC_CONCURRENCY
        return min(self.concurrency or concurrency, concurrency)

    @property
    def jobs(self) -> JobQuerySet[Job]:
        """Every job of the kind."""
        return JobQuerySet(self.model)

    def load(self) -> Handler:
        """The handler itself; ImportError or AttributeError if its path leads nowhere."""
        if callable(self.handler):
            return self.handler
        loaded: Handler = import_string(self.handler)
        return loaded

    def limit(self) -> timedelta:
        """How long a job of this kind may run, as of now."""
        if self.time_limit is not None:
            return self.time_limit
        return timedelta(seconds=system_settings.get("job_timeout"))


_KINDS: Final[dict[str, JobKind]] = {}


def register(kind: JobKind) -> JobKind:
    """Make a kind of job known. A queue has one kind, and a table one queue."""
    if kind.model._meta.abstract:
        raise ValueError(f"The queue {kind.queue!r} needs a model with a table of its own.")
    if kind.time_limit is not None and kind.time_limit <= timedelta(0):
        raise ValueError(f"The queue {kind.queue!r} has a time limit of {kind.time_limit}.")
    if kind.concurrency is not None and kind.concurrency < 1:
        raise ValueError(f"The queue {kind.queue!r} has a concurrency of {kind.concurrency}.")
    for other in _KINDS.values():
        if (other.queue == kind.queue) != (other.model is kind.model):
            raise ValueError(
                f"The queue {kind.queue!r} with {kind.model._meta.label} contradicts the queue"
                f" {other.queue!r} with {other.model._meta.label}."
            )
    _KINDS[kind.queue] = kind
    return kind


def kinds() -> list[JobKind]:
    """Every kind, ordered by the name of its queue."""
    return [_KINDS[queue] for queue in sorted(_KINDS)]


def kind(queue: str) -> JobKind:
    """The kind of this queue, or UnknownQueue with the queues there are."""
    try:
        return _KINDS[queue]
    except KeyError:
        known = ", ".join(sorted(_KINDS)) or "none"
        raise UnknownQueue(f"There is no queue {queue!r}. There are: {known}.") from None
