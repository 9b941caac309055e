"""One verification in a process of its own; its figures as JSON.

``python -m tests.benchmarks.audit.verification PROCESSES [full]``
"""

from __future__ import annotations

import json
import resource
import sys
import time

import django

from tests.benchmarks.harness import peak_memory


def main() -> None:
    """Uses the installation that the environment names."""
    django.setup()
    from audit import keyring
    from audit.verification import Effort, verify

    pins = keyring.load().pins()
    begin, used = time.perf_counter(), time.process_time()
    report = verify(pins, full="full" in sys.argv[2:], effort=Effort(int(sys.argv[1])))
    seconds = time.perf_counter() - begin
    if not report.ok:
        raise SystemExit(report.findings[0].text)
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "entries": report.entries,
        "batches": report.batches,
        "seconds": seconds,
        "cpu": time.process_time() - used + workers.ru_utime + workers.ru_stime,
        "memory": peak_memory(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
