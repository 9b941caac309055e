"""Putting the outcome of an analysis in force, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

import structlog
from django.utils import timezone

from audit.recording import record
from database import partitions
from jobs.moments import database_now
from monitoring.actions import fitting, looking, metrics, placing, requesting
from monitoring.actions.fitting import Fitted
from monitoring.actions.looking import Look
from monitoring.actions.metrics import Measured
from monitoring.actions.placing import Judged
from monitoring.models import Analysis, AnalysisStatus, BaselineMap, MetricType

log = structlog.get_logger(__name__)

# Called in the transaction that stores samples, with the analysis and what was found; what they
# raise undoes it. Those who watch anomalies add themselves in AppConfig.ready.
AFTER_PLACING: Final[list[Callable[[Analysis, Judged], None]]] = []
_MONTHLY: Final = ("monitor_data", "anomalies", "performance_metrics")


def make_months(first: date | None = None) -> None:
    """Make this month's partitions and the next one's, where they lack; before the transaction."""
    for table in _MONTHLY:
        partitions.create_ahead(table, months=1, start=first)


def keep_fit(analysis: Analysis, fitted: Fitted) -> BaselineMap:
    """Store a map, and say in the analysis and in the log what came out."""
    clock = looking.Clock()
    made = fitting.keep(fitted)
    _put_down(analysis, made, fitted.results)
    record(
        "dataset.fitted",
        by=analysis.created_by_id,
        subject=("dataset", str(analysis.dataset_id)),
        details={
            "analysis": str(analysis.pk),
            "file": str(fitted.file.pk),
            "map": str(made.pk),
            "config": fitted.config.pk,
            "rows": len(fitted.values),
            "features": len(fitted.features),
            "baseline_sha256": made.baseline_sha256,
            "detector_sha256": made.detector_sha256,
        },
    )
    rows = len(fitted.values)
    metrics.note(
        [
            Measured("monitoring.fit.seconds", MetricType.DURATION, fitted.seconds["fit"], "s"),
            Measured(
                "monitoring.read.rows", MetricType.RATE, rows / fitted.seconds["read"], "rows/s"
            ),
            Measured("monitoring.store.seconds", MetricType.DURATION, clock.lap(), "s"),
        ],
        labels={"analysis": "fit"},
    )
    log.info("map made", map_id=str(made.pk), rows=rows, iterations=fitted.fit.iterations)
    return made


def keep_place(
    analysis: Analysis, judged: Judged, *, once: bool = False, look: Look = looking.silent
) -> None:
    """Store samples and anomalies, and say in the analysis and in the log what came out.

    ``once``: NotNow if somebody else has placed the file on the map meanwhile.
    """
    clock = looking.Clock()
    if once:
        placing.wait_for(judged.map.pk)
        requesting.refuse_twice(analysis)
    _put_down(analysis, judged.map, judged.results)
    first = placing.keep(judged, analysis, at=timezone.now(), look=look)
    record(
        "dataset.placed",
        by=analysis.created_by_id,
        subject=("dataset", str(analysis.dataset_id)),
        details={
            "analysis": str(analysis.pk),
            "file": str(judged.file.pk),
            "map": str(judged.map.pk),
            "rows": judged.rows,
            "first_sample": first,
            "anomalous": judged.summary.anomalous,
            "worst": judged.summary.worst.name.lower(),
        },
    )
    metrics.note(
        [
            Measured(
                "monitoring.place.rows",
                MetricType.RATE,
                judged.rows / judged.seconds["place"],
                "rows/s",
            ),
            Measured("monitoring.store.seconds", MetricType.DURATION, clock.lap(), "s"),
            Measured(
                "monitoring.anomalous.rows", MetricType.COUNT, judged.summary.anomalous, "rows"
            ),
        ],
        labels={"analysis": "place"},
    )
    for watcher in AFTER_PLACING:
        watcher(analysis, judged)
    log.info("samples placed", rows=judged.rows, anomalous=judged.summary.anomalous)


def _put_down(analysis: Analysis, made: BaselineMap, results: dict[str, Any]) -> None:
    """Write map and results into a job that runs, or insert an analysis that is done."""
    analysis.dinsight, analysis.results = made, results
    if not analysis._state.adding:
        Analysis.objects.filter(pk=analysis.pk).update(dinsight=made, results=results)
        return
    analysis.status = AnalysisStatus.COMPLETED
    # As for what workers complete, the database says when; how long it took, this machine.
    took = timezone.now() - analysis.created_at
    analysis.completed_at = database_now()
    analysis.started_at = analysis.completed_at - took
    analysis.progress_done = analysis.progress_total = 100
    analysis.save(force_insert=True)
