"""The page of one image: the picture with its layers, the decisive figures, then everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.http import require_safe

from accounts.admin.posting import person
from config.admin.formats import duration, number, percent, size
from imaging import analysis
from imaging.actions import results
from imaging.actions.images import LONGEST_NOTE
from imaging.admin import anomalies, drawings, findings, tables
from imaging.admin.pictures import file_url, has_layers, layer_url
from imaging.admin.search import as_id
from imaging.admin.states import image_badge, job_badge
from imaging.models import (
    AnalysisResult,
    AnalysisResultHistory,
    AnalysisStatus,
    Image,
    ProcessingJob,
    QueueStatus,
)
from jobs.admin.rights import may_steer_jobs

_JOBS: Final = 20
_EARLIER: Final = 20
_ALIKE: Final = 24
_LONGEST_NAME: Final = 80  # of a file, within a sentence
_LISTED: Final = 10  # figures and holes shown before the rest is unfolded

METHODS: Final = {
    "mbd": "Any photograph (minimum barrier distance)",
    "alpha": "The file's own transparency (alpha)",
    "luma": "Brightness alone (luma)",
}


@dataclass(frozen=True, slots=True)
class Alike:
    """An image that looks like this one, and in how many of 64 bits their hashes differ."""

    image: Image
    distance: int | None
    is_oldest: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """A result that was replaced, and how the one after it differs."""

    result: AnalysisResultHistory
    void: str
    void_change: str
    confidence: str
    confidence_change: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed job, and why it failed, as the page says it."""

    pk: UUID
    error_message: SafeString


@dataclass(frozen=True, slots=True)
class Attempt:
    """A job of the image, for its history."""

    job: ProcessingJob
    badge: SafeString
    took: str


def view(
    model_admin: Any, request: HttpRequest, object_id: str, *, typed_note: str | None = None
) -> HttpResponse:
    """The page; ``typed_note`` is what stood in the form when saving it was refused."""
    if not request.user.has_perm("imaging.view_image"):
        raise PermissionDenied("Your role may not see images.")
    image_id = as_id(object_id)
    image = (
        Image.objects.select_related("user", "duplicate_of").filter(pk=image_id).first()
        if image_id
        else None
    )
    if image is None:
        messages.warning(request, f"There is no image {object_id[:64]}. Here are those there are.")
        return HttpResponseRedirect(reverse("admin:imaging_image_changelist"))
    result = AnalysisResult.objects.select_related("user").filter(image=image).first()
    if result is not None and request.method == "GET":
        results.viewed(result, by=person(request))
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "has_view_permission": True,
        "title": image.file_name,
        "image": image,
        "badge": image_badge(image.analysis_status),
        "result": result,
        **_neighbours(image),
        **_jobs(image),
        **_likeness(image),
        **_permissions(request),
        **_facts(image),
        **(_findings(image, result, typed_note) if result else {}),
        "earlier": _earlier(image, result),
        "methods": METHODS.items(),
        "preview_url": file_url(image, "preview"),
        "original_url": file_url(image, "original"),
    }
    return TemplateResponse(request, "imaging/image.html", context)


@require_safe
def status_view(request: HttpRequest, image_id: UUID) -> JsonResponse:
    """How far the analysis of an image is: what its page asks once a second."""
    if not request.user.has_perm("imaging.view_image"):
        raise PermissionDenied("Your role may not see images.")
    status = Image.objects.filter(pk=image_id).values_list("analysis_status", flat=True).first()
    if status is None:
        return JsonResponse({"error": "There is no such image."}, status=404)
    job = _live_job(image_id)
    answer: dict[str, Any] = {"status": status, "live": job is not None}
    if job is not None:
        answer |= {
            "job": job.status,
            "done": job.progress_done,
            "total": job.progress_total,
            "message": progress_sentence(job),
        }
    response = JsonResponse(answer)
    response["Cache-Control"] = "no-store"
    return response


def progress_sentence(job: ProcessingJob) -> str:
    """What a live job does at the moment, in words."""
    if job.status == QueueStatus.QUEUED:
        return "In line; a worker takes it as soon as one is free."
    if job.status == QueueStatus.RETRYING:
        return "An attempt failed; the next one follows by itself."
    if job.cancel_requested:
        return "Asked to stop; it ends at the next step."
    return (job.progress_message or "reading the file").capitalize() + "."


def _live_job(image_id: UUID) -> ProcessingJob | None:
    """The job that runs, else the one that waits first."""
    live = ProcessingJob.objects.live().filter(image_id=image_id).order_by("created_at", "id")
    found = list(live[:10])
    running = [job for job in found if job.status == QueueStatus.PROCESSING]
    return next(iter(running or found), None)


def _neighbours(image: Image) -> dict[str, Any]:
    """The images before and after, in the order of the list: the newest first."""
    at, key = image.created_at, image.pk
    keys = Image.objects.values_list("pk", flat=True)
    # The bound alone is what the index is entered with; the rest settles ties.
    older = keys.filter(Q(created_at__lte=at) & (Q(created_at__lt=at) | Q(pk__lt=key)))
    newer = keys.filter(Q(created_at__gte=at) & (Q(created_at__gt=at) | Q(pk__gt=key)))
    return {
        "next_image": older.order_by("-created_at", "-id").first(),
        "previous_image": newer.order_by("created_at", "id").first(),
    }


def _jobs(image: Image) -> dict[str, Any]:
    recent: QuerySet[ProcessingJob] = (
        ProcessingJob.objects.filter(image=image)
        .select_related("user")
        .order_by("-created_at", "-id")
    )
    jobs = list(recent[:_JOBS])
    live = _live_job(image.pk)
    failed = jobs[0] if jobs and jobs[0].status == QueueStatus.FAILED else None
    if failed is None and image.analysis_status == AnalysisStatus.FAILED:
        failed = next((job for job in jobs if job.status == QueueStatus.FAILED), None)
    return {
        "attempts": [Attempt(job, job_badge(job.status), ran_for(job)) for job in jobs],
        "live_job": live,
        "live_sentence": progress_sentence(live) if live else "",
        "failed_job": None if live or failed is None else _failure(image, failed),
    }


def _failure(image: Image, job: ProcessingJob) -> Failure:
    """Its reason with the image's name shortened, and kept from turning the sentence around."""
    reason = job.error_message or ""
    # Plain SQL can leave the name empty, and nothing can be split by that.
    before, name, after = reason.partition(image.file_name) if image.file_name else (reason, "", "")
    shown = format_html("<bdi>{}</bdi>", Truncator(name).chars(_LONGEST_NAME)) if name else ""
    return Failure(job.pk, format_html("{}{}{}", before, shown, after))


def ran_for(job: ProcessingJob) -> str:
    """How long the last attempt ran."""
    if job.started_at is None or job.completed_at is None:
        return ""
    return duration(max(0.0, (job.completed_at - job.started_at).total_seconds() * 1000))


def _likeness(image: Image) -> dict[str, Any]:
    """The images that look alike, the oldest of them first; exact copies are one image."""
    oldest = image.duplicate_of or image
    others = Image.objects.filter(duplicate_of=oldest).exclude(pk=image.pk)
    found = [oldest] if oldest.pk != image.pk else []
    found += others.order_by("created_at", "id")[:_ALIKE]
    return {
        "alike": [Alike(one, _distance(image, one), one.pk == oldest.pk) for one in found],
    }


def _distance(one: Image, other: Image) -> int | None:
    if one.perceptual_hash is None or other.perceptual_hash is None:
        return None
    return ((one.perceptual_hash ^ other.perceptual_hash) & (2**64 - 1)).bit_count()


def _permissions(request: HttpRequest) -> dict[str, bool]:
    may = request.user.has_perm
    return {
        "may_analyse": may("imaging.analyse_image"),
        "may_change": may("imaging.change_image"),
        "may_steer": may_steer_jobs(request, ProcessingJob),
        "may_note": may("imaging.change_analysisresult"),
    }


def _facts(image: Image) -> dict[str, Any]:
    metadata = image.metadata if isinstance(image.metadata, dict) else {}
    known = {
        "format": "Format",
        "mode": "Colour mode",
        "bits": "Bits a channel",
        "frames": "Frames",
        "has_alpha": "Transparency",
        "exif_orientation": "EXIF orientation",
        "name_as_given": "Name as given",
    }
    facts = [
        (label, {True: "yes", False: "no"}[value] if isinstance(value, bool) else value)
        for key, label in known.items()
        if (value := metadata.get(key)) is not None and not isinstance(value, dict | list)
    ]
    rest = {key: value for key, value in metadata.items() if key not in known}
    return {
        "dimensions": f"{number(image.width)} \u00d7 {number(image.height, 'px')}",
        "file_size": size(image.file_size),
        "file_facts": facts,
        "other_metadata": rest,
    }


def _findings(image: Image, result: AnalysisResult, typed_note: str | None) -> dict[str, Any]:
    data = result.negative_space_data
    fingerprint = result.algorithm_fingerprint
    figures, holes = tables.pieces(data, "figures"), tables.pieces(data, "holes")
    layered = has_layers(result)
    return {
        "tiles": findings.tiles(result),
        "groups": findings.groups(data),
        "shapes": drawings.shapes(data),
        "margins": drawings.margins(data),
        "clearance_chart": drawings.clearance_chart(data),
        "histogram": tables.histogram(data),
        "lacunarity": tables.lacunarity(data),
        "thirds": tables.thirds(data),
        "quality": tables.quality(result.quality_metrics),
        "anomalies": anomalies.described(result.anomalies),
        "pieces": [
            ("Figures", figures[:_LISTED], figures[_LISTED:]),
            ("Holes", holes[:_LISTED], holes[_LISTED:]),
        ],
        "layers": {
            "ground": layer_url(image, fingerprint, "ground"),
            "outline": layer_url(image, fingerprint, "outline"),
        }
        if layered
        else None,
        "visualization_url": layer_url(image, fingerprint, "visualization") if layered else "",
        "method": _method(result),
        "took": "from the cache" if result.from_cache else duration(result.processing_time_ms),
        "note_text": (result.notes or "") if typed_note is None else typed_note,
        "note_seen": result.updated_at.isoformat(),
        "longest_note": LONGEST_NOTE,
        "raw": {
            "negative_space_data": data,
            "quality_metrics": result.quality_metrics,
            "anomalies": result.anomalies,
            "algorithm_parameters": result.algorithm_parameters,
        },
    }


def _method(result: AnalysisResult) -> str:
    parameters = result.algorithm_parameters
    method = parameters.get("method") if isinstance(parameters, dict) else None
    edge = parameters.get("working_edge", 0) if isinstance(parameters, dict) else 0
    scale = ", every pixel" if edge is None else ""
    known = method if method in analysis.METHODS else "as stored"
    return f"{result.algorithm_version}, {known}{scale}"


def _earlier(image: Image, current: AnalysisResult | None) -> list[Earlier]:
    """Replaced results, the latest first, each with what changed in the result after it."""
    replaced = AnalysisResultHistory.objects.filter(image=image).select_related("user")
    found = list(replaced.order_by("-superseded_at", "-id")[:_EARLIER])
    successors: list[AnalysisResult | AnalysisResultHistory | None] = [current, *found]
    rows = []
    for result, after in zip(found, successors, strict=False):
        void = findings.figure(result.negative_space_data, "void_ratio")
        later = findings.figure(after.negative_space_data, "void_ratio") if after else None
        score = _score(result)
        rows.append(
            Earlier(
                result=result,
                void=percent(void),
                void_change=_change(void, later),
                confidence=percent(score, digits=0),
                confidence_change=_change(score, _score(after)),
            )
        )
    return rows


def _score(result: AnalysisResult | AnalysisResultHistory | None) -> float | None:
    if result is None or result.confidence_score is None:
        return None
    return float(result.confidence_score)


def _change(before: float | None, after: float | None) -> str:
    """How the next result differs, in percentage points."""
    if before is None or after is None:
        return ""
    points = (after - before) * 100
    return "unchanged after it" if abs(points) < 0.05 else f"{points:+.1f} points after it"
