"""Rows of statistics as workers would have written them."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from jobs import durations
from jobs.models import Statistic


def counted(seconds: Sequence[float]) -> list[int]:
    """The durations by class."""
    counts = durations.empty()
    for one in seconds:
        counts[durations.class_of(one)] += 1
    return counts


_told: dict[str, datetime] = {}  # the minute of the test that asked last


def this_minute() -> datetime:
    """The minute that is not over yet, nor will be while a test looks at it.

    Who asks again in the same test is told the same, so that its rows stand where it put them.
    """
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]  # without the phase
    if _told != {test: _minute()}:
        while timezone.now().second >= 50:
            time.sleep(0.1)
        _told.clear()
        _told[test] = _minute()
    return _told[test]


def _minute() -> datetime:
    return timezone.now().replace(second=0, microsecond=0)


def make_statistic(
    table: str,
    *,
    minutes_ago: int | None = 0,
    waits: Sequence[float] = (),
    runs: Sequence[float] = (),
    **fields: Any,
) -> Statistic:
    """One minute of a table's queue, or everything ever (``minutes_ago=None``).

    ``waits`` and ``runs`` are seconds; without ``done`` as many are done as ran.
    """
    minute = None if minutes_ago is None else this_minute() - timedelta(minutes=minutes_ago)
    values = {
        "done": len(runs),
        "wait_seconds": sum(waits),
        "run_seconds": sum(runs),
        "waits": counted(waits),
        "runs": counted(runs),
    }
    return Statistic.objects.create(table_name=table, minute=minute, **(values | fields))


def make_day(table: str, *, per_minute: int = 12, failing: float = 0.03, seed: int = 7) -> None:
    """A day as a busy queue has it: waves, now and then a failure, now and then a slow minute."""
    dice = random.Random(seed)
    rows = []
    now = this_minute()
    for ago in range(24 * 60):
        busy = int(per_minute * (1.2 + dice.random() - abs((ago % 360) - 180) / 180))
        if busy <= 0 or 200 < ago < 260:
            continue
        slow = 20 if ago % 97 < 8 else 1
        waits = [dice.lognormvariate(-2, 1) * slow for _ in range(busy)]
        runs = [dice.lognormvariate(0, 0.8) for _ in range(busy)]
        failed = sum(dice.random() < failing * slow / 2 for _ in range(busy))
        rows.append(
            Statistic(
                table_name=table,
                minute=now - timedelta(minutes=ago),
                done=busy - failed,
                failed=failed,
                retried=failed * 2,
                wait_seconds=sum(waits),
                run_seconds=sum(runs),
                waits=counted(waits),
                runs=counted(runs),
            )
        )
    Statistic.objects.bulk_create(rows)
