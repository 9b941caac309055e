"""What workers do with a job of the processing queue."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.conf import settings

from imaging import analysis
from imaging.actions import cache, results
from imaging.models import Image, ProcessingJob
from imaging.originals import read_original
from jobs.lease import holding, raise_if_cancelled, report_progress
from jobs.retry import GiveUp

log = structlog.get_logger(__name__)

# The steps that a person watching the job sees.
_STEPS = 3


def analyse(job: ProcessingJob) -> None:
    """Analyse the job's image, or take the result from the cache, and put it in force."""
    started = time.monotonic()
    image = job.image
    try:
        parameters = analysis.Parameters.from_json(job.parameters)
    except (ValueError, OverflowError) as error:
        raise GiveUp(f"{image.file_name}: {error}") from error
    fingerprint = parameters.fingerprint()
    cached = cache.look_up(image, fingerprint)
    if cached is not None and results.pictures_exist(image, fingerprint):
        _store(job, image, parameters, cached, started=started, from_cache=True)
        return
    try:
        result = _compute(job, image, parameters)
    except analysis.ImageRefused as error:
        raise GiveUp(f"{image.file_name}: {error.reason}") from error
    _store(job, image, parameters, result, started=started, from_cache=False)


def warm_up() -> None:
    """Run once in each worker process: compiles the kernels before the first image waits."""
    analysis.warm_up()


def _compute(job: ProcessingJob, image: Image, parameters: analysis.Parameters) -> dict[str, Any]:
    limits = analysis.Limits(max_pixels=settings.MAX_IMAGE_PIXELS)
    original = read_original(image)
    picture = analysis.decode(original, limits=limits, working_edge=parameters.working_edge)
    raise_if_cancelled(job)
    report_progress(job, done=1, total=_STEPS, message="measuring the negative space")
    found = analysis.analyse(picture, parameters)
    raise_if_cancelled(job)
    report_progress(job, done=2, total=_STEPS, message="drawing")
    results.save_pictures(image, parameters.fingerprint(), picture, found)
    return results.findings(found)


def _store(
    job: ProcessingJob,
    image: Image,
    parameters: analysis.Parameters,
    result: dict[str, Any],
    *,
    started: float,
    from_cache: bool,
) -> None:
    milliseconds = round((time.monotonic() - started) * 1000)
    # Result and completion stand together or not at all: no kill can come between them.
    with holding(job, finish=True):
        results.put_in_force(
            image, job, parameters, result, milliseconds=milliseconds, from_cache=from_cache
        )
    log.info("image analysed", image_id=str(image.pk), ms=milliseconds, cached=from_cache)
