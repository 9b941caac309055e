"""What the engine tidies up by itself: old jobs, attempts and statistics go, new months come,
and files that no row needs are removed."""

from jobs.housekeeping.months import MONTHS_AHEAD, make_months_ahead
from jobs.housekeeping.old_jobs import Batch, Retention, delete_old
from jobs.housekeeping.old_records import delete_old_attempts, delete_old_statistics
from jobs.housekeeping.recurring import (
    clean_storage,
    make_partitions,
    prune_finished,
    prune_statistics,
)

__all__ = [
    "MONTHS_AHEAD",
    "Batch",
    "Retention",
    "clean_storage",
    "delete_old",
    "delete_old_attempts",
    "delete_old_statistics",
    "make_months_ahead",
    "make_partitions",
    "prune_finished",
    "prune_statistics",
]
