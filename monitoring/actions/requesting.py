"""Asking for maps and for samples to be placed, and steering what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction

from accounts.models import User
from audit.recording import record
from ingestion.models import FileStatus, FileUpload
from jobs.errors import DuplicateJob
from monitoring.actions import configuring, looking
from monitoring.errors import NotNow
from monitoring.models import (
    Analysis,
    AnalysisStatus,
    AnalysisType,
    BaselineMap,
    Dataset,
    MapConfig,
)
from monitoring.scoring import least_level

log = structlog.get_logger(__name__)

# The end of the unique key of a placing that may add samples once more.
_AGAIN: Final = ":again"


@dataclass(frozen=True, slots=True)
class Asked:
    """The analysis that answers a request, and whether it was made for it."""

    analysis: Analysis
    created: bool


@transaction.atomic
def request_fit(
    dataset: Dataset,
    file: FileUpload,
    *,
    by: User,
    config: MapConfig | None = None,
    priority: int = 5,
) -> Asked:
    """Queue the making of a map of a healthy machine; by default with the parameters in force.

    Asking for what already waits or runs answers with that. NotNow says what does not fit.
    """
    analysis = prepare_fit(dataset, file, by=by, config=config)
    analysis.priority = priority
    return _enqueue(analysis, f"fit:{dataset.pk}:{file.pk}:{analysis.config_id}")


@transaction.atomic
def request_place(
    dataset: Dataset,
    file: FileUpload,
    *,
    by: User,
    map: BaselineMap | None = None,  # noqa: A002 - what it is called everywhere
    alarm_level: float | None = None,
    priority: int = 5,
    again: bool = False,
) -> Asked:
    """Queue samples to be placed on the dataset's map, by default the one that was made last.

    ``alarm_level`` is by default that of the map's parameters. A file that was placed on the map
    already is refused unless it is to be placed ``again``, which adds its samples once more.
    """
    analysis = prepare_place(dataset, file, by=by, map=map, alarm_level=alarm_level, again=again)
    analysis.priority = priority
    once = f"place:{dataset.pk}:{file.pk}:{analysis.dinsight_id}"
    more = f"{once}{_AGAIN}"
    asked = _enqueue(analysis, *((more, once) if again else (once, more)))
    if asked.created and not again:
        refuse_twice(analysis)  # what waited until now may have ended in between
    return asked


def prepare_fit(
    dataset: Dataset, file: FileUpload, *, by: User, config: MapConfig | None = None
) -> Analysis:
    """The analysis of ``request_fit``, checked but not stored."""
    _check(dataset, file)
    config = config or configuring.in_force()
    looking.columns_of(file, config)
    return Analysis(
        dataset=dataset,
        user_id=dataset.user_id,
        file_upload=file,
        analysis_type=AnalysisType.FIT,
        config=config,
        created_by=by,
    )


def prepare_place(
    dataset: Dataset,
    file: FileUpload,
    *,
    by: User,
    map: BaselineMap | None = None,  # noqa: A002 - what it is called everywhere
    alarm_level: float | None = None,
    again: bool = False,
) -> Analysis:
    """The analysis of ``request_place``, checked but not stored."""
    _check(dataset, file)
    chosen = map or current_map(dataset)
    if chosen is None:
        raise NotNow(f"{dataset} has no map yet. Make one of a file of the healthy machine first.")
    if not dataset.analyses.filter(dinsight=chosen, analysis_type=AnalysisType.FIT).exists():
        raise NotNow(f"The {chosen} is none of {dataset}. Choose one that was made of its files.")
    columns = looking.columns_of(file, chosen.config)
    looking.same_features(file, columns.feature_names, chosen.features)
    level = chosen.config.alarm_level if alarm_level is None else alarm_level
    _check_level(level, chosen)
    analysis = Analysis(
        dataset=dataset,
        user_id=dataset.user_id,
        file_upload=file,
        analysis_type=AnalysisType.PLACE,
        dinsight=chosen,
        alarm_level=level,
        created_by=by,
    )
    if not again:
        refuse_twice(analysis)
    return analysis


def counts_once(analysis: Analysis) -> bool:
    """Whether a placing was asked for here, and not ``again``; plain SQL says nothing of it."""
    key = analysis.unique_key
    is_place = analysis.analysis_type == AnalysisType.PLACE
    return is_place and key is not None and not key.endswith(_AGAIN)


def refuse_twice(analysis: Analysis) -> None:
    """NotNow if another analysis has placed the file on the map."""
    others = Analysis.objects.exclude(pk=analysis.pk).filter(
        dataset_id=analysis.dataset_id,
        file_upload_id=analysis.file_upload_id,
        dinsight_id=analysis.dinsight_id,
        analysis_type=AnalysisType.PLACE,
        status=AnalysisStatus.COMPLETED,
    )
    if done := others.newest_first().first():
        raise NotNow(
            f"{analysis.file_upload} was placed on this map at {done.completed_at:%Y-%m-%d %H:%M}"
            " already. Ask for it to be placed again if its samples are to count twice."
        )


def current_map(dataset: Dataset) -> BaselineMap | None:
    """The map on which new samples are placed: the one that was made last and takes them.

    Without its arrays and bytes, which are fetched when they are asked for.
    """
    maps = BaselineMap.objects.filter(
        analyses__dataset=dataset,
        analyses__analysis_type=AnalysisType.FIT,
        analyses__status=AnalysisStatus.COMPLETED,
        baseline_sha256__isnull=False,
    )
    light = maps.defer("baseline", "detector", "x_values", "y_values").select_related("config")
    return light.order_by("-created_at", "-id").first()


@transaction.atomic
def cancel(analysis_id: UUID, *, by: User) -> Analysis:
    """Take a waiting analysis out of the line, or ask a running one to stop."""
    analysis = _locked(analysis_id)
    if analysis.status in {AnalysisStatus.COMPLETED, AnalysisStatus.CANCELLED}:
        raise NotNow(f"The analysis is already {analysis.status}.")
    Analysis.objects.filter(pk=analysis_id).cancel()
    record(
        "job.cancelled",
        by=by,
        subject=analysis,
        before={"status": analysis.status},
        details={"dataset": str(analysis.dataset_id)},
    )
    analysis.refresh_from_db()
    return analysis


@transaction.atomic
def retry(analysis_id: UUID, *, by: User) -> Analysis:
    """Put a failed analysis in line once more; its attempts count anew."""
    analysis = _locked(analysis_id)
    if analysis.status != AnalysisStatus.FAILED:
        raise NotNow(f"Only a failed analysis can be retried; this one is {analysis.status}.")
    if not analysis.dataset.is_active:
        raise NotNow(f"{analysis.dataset} was put away. Reopen it first.")
    if counts_once(analysis):
        refuse_twice(analysis)
    try:
        Analysis.objects.filter(pk=analysis_id).retry()
    except DuplicateJob:
        raise NotNow("The same analysis already waits or runs.") from None
    record("job.retried", by=by, subject=analysis, details={"dataset": str(analysis.dataset_id)})
    analysis.refresh_from_db()
    return analysis


def _enqueue(analysis: Analysis, key: str, *others: str) -> Asked:
    """Put it in line, unless one of these keys is there."""
    analysis.unique_key = key
    if waiting := _live(key, *others):
        return Asked(waiting, created=False)
    try:
        Analysis.objects.enqueue([analysis])
    except DuplicateJob:  # somebody else asked for the same in this very moment
        if waiting := _live(key):
            return Asked(waiting, created=False)
        raise NotNow("The same analysis ended at this moment; look again.") from None
    is_fit = analysis.analysis_type == AnalysisType.FIT
    record(
        "dataset.fit_requested" if is_fit else "dataset.place_requested",
        by=analysis.created_by,
        subject=analysis.dataset,
        details={
            "analysis": str(analysis.pk),
            "file": str(analysis.file_upload_id),
            "map": None if is_fit else str(analysis.dinsight_id),
            "config": analysis.config_id,
        },
    )
    log.info(
        "analysis requested", analysis_id=str(analysis.pk), analysis_type=analysis.analysis_type
    )
    return Asked(analysis, created=True)


def _live(*keys: str) -> Analysis | None:
    return Analysis.objects.live().filter(unique_key__in=keys).order_by("created_at", "pk").first()


def _locked(analysis_id: UUID) -> Analysis:
    try:
        return Analysis.objects.select_for_update(no_key=True).get(pk=analysis_id)
    except Analysis.DoesNotExist:
        raise NotNow(f"There is no analysis {analysis_id}.") from None


def _check(dataset: Dataset, file: FileUpload) -> None:
    if not dataset.is_active:
        raise NotNow(f"{dataset} was put away. Reopen it first.")
    if file.user_id != dataset.user_id:
        raise NotNow(f"{file} belongs to somebody else than {dataset}. Its owner must hand it in.")
    if file.status != FileStatus.READY:
        raise NotNow(f"{file} is {file.status}; only a file that is ready can be analysed.")


def _check_level(level: float, chosen: BaselineMap) -> None:
    count = chosen.calibration_count
    if count is None:
        raise NotNow(f"The {chosen} shows its places alone and takes no samples. Make a new one.")
    if not 0 < level < 1:
        raise NotNow(f"The alarm level is {level:g}; it must lie between 0 and 1.")
    if level < least_level(count) and level * (count + 1) < 1 - 1e-9:
        raise NotNow(
            f"The alarm level {level:g} needs more healthy rows than the {count:,} of the map."
            f" Choose at least {least_level(count):g}, or make a map of more rows."
        )
