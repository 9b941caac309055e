"""The worker's stopwatch."""

from __future__ import annotations

import time


def now() -> float:
    """Seconds since the machine started, those it slept included; no use as a date."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
