"""What can be done with one image from its page: each change has an address, by POST alone."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from accounts.admin.posting import person, require
from imaging import analysis
from imaging.actions import images as image_actions
from imaging.actions import jobs
from imaging.admin import image_page
from imaging.admin.pictures import image_url
from imaging.admin.posting import attempted
from imaging.errors import NotNow
from imaging.models import AnalysisResult, Image

Change = Callable[..., HttpResponse]

_DEFAULT: Final = analysis.Parameters()
_WATCHED: Final = 6


def views(model_admin: Any) -> dict[str, Change]:
    """The changes by the last part of their address."""
    return {
        "analyse": require_POST(analyse),
        "archive": require_POST(archive),
        "not-a-duplicate": require_POST(not_a_duplicate),
        "note": require_POST(functools.partial(note, model_admin)),
    }


def chosen_parameters(request: HttpRequest) -> dict[str, Any]:
    """The parameters that the form asks for; what equals the default is left out."""
    chosen: dict[str, Any] = {}
    method = request.POST.get("method", "")
    if method and method != _DEFAULT.method:
        chosen["method"] = method
    if request.POST.get("exact"):
        chosen["working_edge"] = None
    return chosen


def analyse(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Queue an analysis, with the chosen method and scale."""
    require(request, "imaging.analyse_image")

    def change() -> str:
        image = Image.objects.filter(pk=image_id).first()
        if image is None:
            raise NotNow("This image is not here any more.")
        parameters = chosen_parameters(request)
        # Somebody looks at the page and waits: before the uploads of the same moment.
        jobs.request(image, by=person(request), parameters=parameters, priority=_WATCHED)
        return "The analysis is queued; this page shows it as soon as it is done."

    return _answered(request, image_id, change)


def archive(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Put the image away."""
    require(request, "imaging.change_image")

    def change() -> str:
        image = image_actions.archive(image_id, by=person(request))
        return f"{image.file_name} is archived."

    return _answered(request, image_id, change)


def not_a_duplicate(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Take the mark of a near duplicate away for good."""
    require(request, "imaging.change_image")

    def change() -> str:
        image = image_actions.not_a_duplicate(image_id, by=person(request))
        return f"{image.file_name} is not marked as a near duplicate any more."

    return _answered(request, image_id, change)


def note(model_admin: Any, request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Write the note; when it is refused, the page comes back with what was typed."""
    require(request, "imaging.change_analysisresult")
    text = request.POST.get("notes", "").replace("\r\n", "\n")

    def change() -> str:
        image_actions.write_note(image_id, text, seen=_seen(request), by=person(request))
        return "The note is saved." if text.strip() else "The note is removed."

    done, refused = attempted(change, AnalysisResult)
    if done is not None:
        messages.success(request, done)
        return _back(image_id)
    messages.warning(request, refused)
    return image_page.view(model_admin, request, str(image_id), typed_note=text)


def _seen(request: HttpRequest) -> datetime:
    try:
        return datetime.fromisoformat(request.POST.get("seen", ""))
    except ValueError:
        raise NotNow("The page was not complete when it was sent. Save the note again.") from None


def _answered(request: HttpRequest, image_id: UUID, change: Callable[[], str]) -> HttpResponse:
    """Make the change and say what came of it, on the image's page."""
    done, refused = attempted(change, Image)
    if done is None:
        messages.warning(request, refused)
    else:
        messages.success(request, done)
    return _back(image_id)


def _back(image_id: UUID) -> HttpResponse:
    return HttpResponseRedirect(image_url(image_id))
