"""Many log-ins at once, in a process of its own: prints by how many MB its memory grew at most.

``python -m tests.accounts.login.crowd 50`` with DJANGO_SETTINGS_MODULE and TEST_DATABASE_NAME set.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django


def peak_megabytes() -> float:
    """The largest resident size so far, in MB (10^6 bytes)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def main(people: int) -> None:
    """Let so many log in with a wrong password at the same moment."""
    django.setup()
    from django.db import connection

    from accounts.actions import log_in

    start = threading.Barrier(people)

    def attempt(number: int) -> str:
        start.wait()
        try:
            log_in.check(f"nobody{number}@example.org", "wrong", address="")
        except (log_in.LoginRefused, log_in.TooManyAttempts) as error:
            return type(error).__name__
        finally:
            connection.close()
        return "in"

    before = peak_megabytes()
    with ThreadPoolExecutor(people) as pool:
        ended = list(pool.map(attempt, range(people)))
    grown = round(peak_megabytes() - before, 1)
    sys.stdout.write(f"{ended.count('LoginRefused')} {grown}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
