"""How long a job waits for an idle worker: from just before it is added to its handler's start.

Both moments are read from the machine's clock, the first by the producer just before it adds the
job, the second by the handler as the first thing it does. The producer's own commit is in between.
"""

from __future__ import annotations

import time
from typing import Final

from tests.benchmarks.queue.processes import Process, ProcessFailed, notes, read_notes
from tests.benchmarks.queue.systems import System, pauses

WARM_UP: Final = 20  # jobs that do not count
_PATIENCE: Final = 60.0  # seconds until the first job, which waits for the worker to start
_LATE: Final = 15.0  # seconds for the last ones
_SETTLING: Final = 1.0  # seconds after the first job: whatever else a worker does at its start


def pickup(system: System, count: int) -> list[float]:
    """Seconds that each of ``count`` paced jobs waited; ProcessFailed if one was not picked up."""
    system.empty()
    system.server.probe()
    with notes() as file, system.worker({"LACUNA_BENCH_NOTES": str(file)}) as worker:

        def begun(ids: set[str], patience: float) -> dict[str, float]:
            until = time.monotonic() + patience
            while not ids <= (found := read_notes(file)).keys():
                _refuse_silence(system, worker, until)
                time.sleep(0.02)
            return found

        begun(set(system.produce([0.0])), _PATIENCE)
        time.sleep(_SETTLING)
        system.produce(pauses(WARM_UP))
        produced = system.produce(pauses(count))
        found = begun(set(produced), _LATE)
    return [found[key] - moment for key, moment in produced.items()]


def _refuse_silence(system: System, worker: Process, until: float) -> None:
    worker.check()
    if time.monotonic() > until:
        raise ProcessFailed(f"{system.name} did not take every job in time: {worker.said()}")
