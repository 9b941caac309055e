"""What a worker does with a recurring run: it calls the function that the entry names."""

from __future__ import annotations

from jobs.errors import RetryAfter
from jobs.models.recurring import RecurringJob
from jobs.schedule.declarations import entry
from jobs.schedule.errors import UnknownEntry

# While a new version is rolled out, workers of the old one do not know its entries yet.
_ANOTHER_WORKER = 30.0


def run(job: RecurringJob) -> None:
    """Call the entry's function with the job."""
    try:
        found = entry(job.name)
    except UnknownEntry as error:
        raise RetryAfter(
            _ANOTHER_WORKER, f"This worker's code does not know the work: {error}"
        ) from None
    found.load()(job)
