"""Imaging's panels of the overview."""

from __future__ import annotations

from typing import Final

from django.db.models import F
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from config.admin.counting import count_rows
from config.admin.formats import State
from imaging.admin.pictures import STRIP, image_url, thumbnail
from imaging.admin.queue_state import state_of_queue
from imaging.admin.states import image_badge, image_word
from imaging.models import AnalysisStatus, Image, ProcessingJob, QueueStatus

_LATEST: Final = 10
_FAILED: Final = 5
_STATES: Final[dict[str, State]] = {
    AnalysisStatus.PROCESSING: "notice",
    AnalysisStatus.COMPLETED: "good",
    AnalysisStatus.FAILED: "bad",
}


def latest_images(request: HttpRequest) -> SafeString:
    """The images that came in last, as a strip of thumbnails."""
    images = list(Image.objects.newest_first()[:_LATEST])
    may_upload = request.user.has_perm("imaging.add_image")
    context = {
        "images": [
            (
                image_url(image.pk),
                thumbnail(image, edge=STRIP),
                image,
                image_badge(image.analysis_status),
            )
            for image in images
        ],
        "may_upload": may_upload,
    }
    return SafeString(render_to_string("imaging/panels/latest.html", context))


def images_by_status(request: HttpRequest) -> SafeString:
    """How many images stand where; each figure is counted to 10,000 by index."""
    listing = reverse("admin:imaging_image_changelist")
    lines = []
    for status in AnalysisStatus.values:
        count = count_rows(Image.objects.with_status(status))
        state = _STATES.get(status) if count else None
        lines.append((image_word(status), str(count), state, f"{listing}?status={status}"))
    return SafeString(render_to_string("imaging/panels/statuses.html", {"lines": lines}))


def queue(request: HttpRequest) -> SafeString:
    """How the queue stands, and who works on it."""
    return SafeString(render_to_string("imaging/panels/queue.html", {"queue": state_of_queue()}))


def failed(request: HttpRequest) -> SafeString:
    """The jobs that failed last; nothing where none did."""
    jobs = (
        ProcessingJob.objects.filter(status=QueueStatus.FAILED)
        .select_related("image")
        .order_by(F("last_error_at").desc(), "-id")[:_FAILED]
    )
    found = [(job, thumbnail(job.image)) for job in jobs]
    if not found:
        return SafeString("")
    return SafeString(render_to_string("imaging/panels/failed.html", {"jobs": found}))
