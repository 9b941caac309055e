"""What workers do with checks of files."""

from __future__ import annotations

import io
import time

import structlog

from ingestion import reading, stored
from ingestion.actions import checks
from ingestion.errors import SourceLost
from ingestion.models import FileCheck, FileStatus
from ingestion.reading import Dialect, Source, TableRefused
from jobs.lease import holding, raise_if_cancelled, report_progress
from jobs.retry import GiveUp

log = structlog.get_logger(__name__)

_SECONDS_BETWEEN_LOOKS = 0.5


def check_file(job: FileCheck) -> None:
    """Read the job's file to its end, and note what is in it, or what is wrong with it."""
    started = time.monotonic()
    file = job.file
    if file.status != FileStatus.CHECKING:
        raise GiveUp(f"{file} is {file.status}, and no check of it is wanted any more.")
    look = _Progress(job, file.file_size)
    outcome: checks.Outcome
    try:
        outcome = reading.check(stored.sources(file)[0], progress=look)
    except TableRefused as refused:
        if refused.code == "changed":
            raise SourceLost(str(refused)) from None
        outcome = refused
    # Outcome and completion stand together or not at all: no kill can come between them.
    with holding(job, finish=True):
        checks.put_in_force(file.pk, outcome, by=job.user_id)
    milliseconds = round((time.monotonic() - started) * 1000)
    log.info("file checked", file_id=str(file.pk), ms=milliseconds, **_said(outcome))


def _said(outcome: checks.Outcome) -> dict[str, object]:
    if isinstance(outcome, TableRefused):
        return {"code": outcome.code}
    return {"rows": outcome.rows}


class _Progress:
    """Tells how far the check is, and stops it when somebody asked for that."""

    def __init__(self, job: FileCheck, size: int) -> None:
        self._job = job
        self._total = max(1, size >> 20)
        self._looked = time.monotonic()

    def __call__(self, read_bytes: int) -> None:
        now = time.monotonic()
        if now - self._looked < _SECONDS_BETWEEN_LOOKS:
            return
        self._looked = now
        raise_if_cancelled(self._job)
        done = min(read_bytes >> 20, self._total)
        report_progress(self._job, done=done, total=self._total, message="reading, in MB")


def warm_up() -> None:
    """Run once in each worker process: compiles the loops before the first file waits."""
    reading.check(Source("a.csv", lambda: io.BytesIO(b"a,b\n1,x\n"), Dialect()))
