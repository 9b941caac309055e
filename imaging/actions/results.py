"""Storing what an analysis found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from imaging import analysis, paths
from imaging.actions import cache
from imaging.models import (
    AnalysisResult,
    AnalysisResultHistory,
    AnalysisStatus,
    Image,
    ProcessingJob,
)

# The pictures of an analysis, by the name of their file.
LAYERS = ("visualization", "ground", "outline")


def findings(found: analysis.Analysis) -> dict[str, Any]:
    """An analysis as the cache keeps it."""
    return {
        "algorithm_version": analysis.VERSION,
        "negative_space_data": found.negative_space_data,
        "quality_metrics": found.quality_metrics,
        "anomalies": found.anomalies,
        "confidence_score": found.confidence_score,
    }


def save_pictures(
    image: Image, fingerprint: str, picture: analysis.Picture, found: analysis.Analysis
) -> None:
    """Draw the visualization and the page's layers, and store them.

    Their paths follow from image and fingerprint, and the same analysis draws the same bytes: a
    worker that died after this leaves nothing wrong behind.
    """
    drawings = analysis.render_drawings(picture, found)
    drawn = {
        "visualization": drawings.visualization,
        "ground": drawings.layer_ground,
        "outline": drawings.layer_outline,
    }
    for name, data in drawn.items():
        default_storage.save(paths.layer(image.pk, fingerprint, name), ContentFile(data))


def pictures_exist(image: Image, fingerprint: str) -> bool:
    """Whether every picture of this analysis is in the storage."""
    return all(default_storage.exists(paths.layer(image.pk, fingerprint, name)) for name in LAYERS)


def put_in_force(
    image: Image,
    job: ProcessingJob,
    parameters: analysis.Parameters,
    result: dict[str, Any],
    *,
    milliseconds: int,
    from_cache: bool,
) -> AnalysisResult:
    """Make the findings the image's result, in the caller's transaction.

    The result they replace goes to the history by trigger. The caller holds the job's lease.
    """
    fingerprint = parameters.fingerprint()
    now = timezone.now()
    stored, _ = AnalysisResult.objects.update_or_create(
        image=image,
        defaults={
            "user_id": job.user_id,
            "algorithm_version": result["algorithm_version"],
            "algorithm_parameters": parameters.canonical(),
            "algorithm_fingerprint": fingerprint,
            "negative_space_data": result["negative_space_data"],
            "anomalies": result["anomalies"],
            "confidence_score": str(result["confidence_score"]),
            "processing_time_ms": milliseconds,
            "quality_metrics": result["quality_metrics"],
            "visualization_path": paths.layer(image.pk, fingerprint, "visualization"),
            "notes": None,
            "from_cache": from_cache,
            "job_id": job.pk,
            "created_at": now,
        },
    )
    _complete(image, now)
    if not from_cache:
        cache.store(image, fingerprint, result, analysis=stored)
    record(
        "analysis.completed",
        by=job.user_id,
        subject=image,
        details={
            "result": stored.pk,
            "job": job.pk,
            "algorithm_version": result["algorithm_version"],
            "fingerprint": fingerprint,
            "confidence": str(result["confidence_score"]),
            "anomalies": len(result["anomalies"]),
            "from_cache": from_cache,
        },
        duration_ms=milliseconds,
    )
    return stored


def _complete(image: Image, now: datetime) -> None:
    """Another job of the image, with other parameters, may have ended otherwise meanwhile: from
    wherever that left the image, it goes the way of one that is analysed."""
    rows = Image.objects.filter(pk=image.pk)
    rows.filter(analysis_status=AnalysisStatus.FAILED).update(
        analysis_status=AnalysisStatus.PENDING
    )
    rows.filter(analysis_status=AnalysisStatus.PENDING).update(
        analysis_status=AnalysisStatus.PROCESSING
    )
    rows.update(analysis_status=AnalysisStatus.COMPLETED, processed_at=now)


@transaction.atomic
def viewed(result: AnalysisResult | AnalysisResultHistory, *, by: User) -> None:
    """Note that a person reads a result."""
    record(
        "result.viewed",
        by=by,
        subject=result,
        details={"image": result.image_id, "fingerprint": result.algorithm_fingerprint},
    )
