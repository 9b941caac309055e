"""What workers do with analyses."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

import structlog

from jobs.lease import holding, raise_if_cancelled, report_progress
from jobs.retry import GiveUp
from monitoring.actions import alerting, completing, fitting, placing, requesting
from monitoring.errors import NotNow
from monitoring.maps import warm_up as compile_maps
from monitoring.models import Analysis, AnalysisType, BaselineMap

log = structlog.get_logger(__name__)

_SECONDS_BETWEEN_LOOKS: Final = 0.5


def run(job: Analysis) -> None:
    """Make a map, or place samples; what cannot be done is given up with its sentence."""
    try:
        if job.analysis_type == AnalysisType.FIT:
            _fit(job)
        else:
            _place(job)
    except NotNow as refused:
        raise GiveUp(str(refused)) from refused


def warm_up() -> None:
    """Run once in each worker process: compiles the kernels before the first file waits."""
    compile_maps()


def _fit(job: Analysis) -> None:
    if job.config is None:
        raise GiveUp("The analysis names no parameters: set config_id.")
    fitted = fitting.compute(job.file_upload, job.config, look=partial(_look, job))
    completing.make_months()
    # Results and completion stand together or not at all: no kill can come between them.
    with holding(job, finish=True):
        completing.keep_fit(job, fitted)


def _place(job: Analysis) -> None:
    heavy = ("baseline", "detector", "x_values", "y_values")
    maps = BaselineMap.objects.defer(*heavy).select_related("config")
    chosen = maps.filter(pk=job.dinsight_id).first()
    if chosen is None:
        raise GiveUp("The analysis names no map: set dinsight_id.")
    once = requesting.counts_once(job)
    if once:
        requesting.refuse_twice(job)
    level = chosen.config.alarm_level if job.alarm_level is None else job.alarm_level
    judged = placing.compute(job.file_upload, chosen, level, look=partial(_look, job))
    completing.make_months()
    with holding(job, finish=True):
        completing.keep_place(job, judged, once=once)
    _evaluate_rules(job)


def _evaluate_rules(job: Analysis) -> None:
    """Decide alerts at once, by rules that nobody else works on; the rest waits for the minute.

    The samples are stored: what goes wrong here is no failure of the job.
    """
    try:
        alerting.evaluate_analysis(job.pk, waits=False)
    except Exception:  # the round of each minute does what is missing
        log.exception("alerts wait for the next round", analysis_id=str(job.pk))


def _look(job: Analysis, share: float, message: str) -> None:
    """Tell how far it is, and stop when somebody asked for that."""
    now = time.monotonic()
    if now - getattr(job, "_looked_at", float("-inf")) < _SECONDS_BETWEEN_LOOKS:
        return
    job._looked_at = now  # type: ignore[attr-defined] # kept with the job, not in the table
    raise_if_cancelled(job)
    report_progress(job, done=min(int(share * 100), 99), total=100, message=message)
