"""One drain in a process of its own: everything that waits is sealed; its figures as JSON."""

from __future__ import annotations

import json
import time
from contextlib import closing

import django

from tests.benchmarks.harness import peak_memory


def main() -> None:
    """Uses the installation that the environment names."""
    django.setup()
    from audit import keyring
    from audit.sealing.sealer import Sealer, connect

    ring = keyring.load()
    begin = time.perf_counter()
    with closing(connect()) as connection:
        sealer = Sealer(connection, ring)
        started, used = time.perf_counter(), time.process_time()
        sealed = [step.entries for step in sealer.drain()]
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
    figures = {
        "entries": sum(sealed),
        "batches": len(sealed),
        "start": started - begin,
        "seconds": seconds,
        "cpu": cpu,
        "memory": peak_memory(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
