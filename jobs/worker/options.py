"""How a worker is to work, and the rhythm of its life."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. ``lapse`` must be well below ``lease``: a worker stops before it is given up."""

    heartbeat: float = 5.0
    lapse: float = 15.0  # without a heartbeat for this long, a worker stops its own jobs
    lease: float = 20.0  # and after this long, others take them
    rescue: float = 3.0  # between looks for lost jobs
    overdue: float = 30.0  # past its deadline, a job is taken even from a worker that answers
    cancel_grace: float = 10.0  # for a running job to stop by itself
    stuck: float = 30.0  # an event loop that has not turned for this long is given up
    last_words: float = 5.0  # for telling the last outcomes when the worker ends
    glance: float = 0.2  # between looks at waiting and cancelled jobs, however often the bell rings
    batch: float = 0.01  # for which an outcome may wait for others to be told together
    further: float = 0.1  # for which a claim looks on from where the last one ended
    tick: float = 1.0  # between looks at what recurs
    synchronise: float = 60.0  # between comparisons of the schedule's rows with the declarations
    flush: float = 5.0  # between additions to the statistics

    def at_pace(self, pace: float) -> Timing:
        """The same rhythm, ``pace`` times as slow: tests run it faster."""
        return Timing(**{name: seconds * pace for name, seconds in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class Options:
    """What ``run_worker`` was asked for."""

    queues: tuple[str, ...]
    concurrency: int = 2
    drain: bool = False
    poll: float = 1.0
    grace: float = 30.0
    recycle_after: int = 500  # jobs after which a child process is replaced
    # Above the first a child is replaced after its job, above the second it is killed.
    recycle_above: int = 1 << 30
    memory_limit: int = 4 << 30
    timing: Timing = field(default_factory=Timing)
