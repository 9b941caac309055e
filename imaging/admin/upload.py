"""Handing images in: several at once, each with an outcome of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.response import TemplateResponse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from accounts.admin.posting import person, require
from config.admin.formats import badge, size
from config.admin.uploads import unreadable
from database import system_settings
from imaging import file_names
from imaging.actions import uploads
from imaging.admin.pictures import image_url, thumbnail
from imaging.errors import ImagingError, StorageFailed, UploadRefused
from imaging.limits import SizeLimit
from imaging.models import Image

Kind = Literal["stored", "known", "refused"]

FIELD: Final = "files"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    name: str
    kind: Kind
    sentence: str
    image: Image | None = None
    code: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the page's script."""
        return {
            "name": self.name,
            "outcome": self.kind,
            "message": self.sentence,
            "code": self.code,
            "url": image_url(self.image.pk) if self.image else None,
            "thumbnail": str(thumbnail(self.image)) if self.image else None,
        }


def view(model_admin: Any) -> Callable[[HttpRequest], HttpResponseBase]:
    """The page as a view: the handler must be in place before anything reads the request's body,
    so the check of the form's token comes after it.
    """

    @csrf_exempt
    def upload_view(request: HttpRequest) -> HttpResponseBase:
        require(request, "imaging.add_image")
        limit = SizeLimit()
        if request.method == "POST":
            request.upload_handlers.insert(0, limit)
            if problem := unreadable(request):
                return _answer(request, model_admin, problem, [])
        return _page(request, model_admin, limit)

    return upload_view


@csrf_protect
def _page(request: HttpRequest, model_admin: Any, limit: SizeLimit) -> HttpResponse:
    problem = ""
    outcomes: list[Outcome] = []
    if request.method == "POST":
        files = request.FILES.getlist(FIELD)
        outcomes = [_taken(request, file) for file in files]
        outcomes += [_refused(refused) for refused in limit.refused]
        if not outcomes:
            problem = "No file was chosen. Choose one or more pictures, then upload."
    return _answer(request, model_admin, problem, outcomes)


def _answer(
    request: HttpRequest,
    model_admin: Any,
    problem: str,
    outcomes: list[Outcome],
) -> HttpResponse:
    """As JSON for whoever takes nothing else, else as the page."""
    if request.accepts("application/json") and not request.accepts("text/html"):
        return _json(problem, outcomes)
    largest: int = system_settings.get("max_file_size")
    allowed: list[str] = system_settings.get("allowed_file_types")
    kinds = [kind for kind in allowed if kind in _NAMES]
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "has_view_permission": True,
        "title": "Upload images",
        "purpose": "Each file is checked, kept as it is, and analysed by itself.",
        "problem": problem,
        "outcomes": [(outcome, _BADGES[outcome.kind]) for outcome in outcomes],
        "limit": largest,
        "limit_text": size(largest),
        "kinds": ", ".join(dict.fromkeys(_NAMES[kind] for kind in kinds)),
        "accept": ",".join(dict.fromkeys(f"image/{_MIME.get(kind, kind)}" for kind in kinds)),
        "field": FIELD,
    }
    status = 400 if problem else 200
    return TemplateResponse(request, "imaging/upload.html", context, status=status)


_NAMES: Final = {
    "jpeg": "JPEG",
    "jpg": "JPEG",
    "png": "PNG",
    "webp": "WebP",
    "tiff": "TIFF",
    "gif": "GIF",
    "bmp": "BMP",
    "avif": "AVIF",
}
_MIME: Final = {"jpg": "jpeg"}
_BADGES: Final = {
    "stored": badge("Stored", "good"),
    "known": badge("Was there already", "notice"),
    "refused": badge("Refused", "bad"),
}


def _taken(request: HttpRequest, file: UploadedFile[bytes]) -> Outcome:
    """Hand one file in; a refusal is its outcome and does not touch the others."""
    name = file.name or ""
    try:
        upload = uploads.receive(file, name=name, by=person(request))
    except UploadRefused as refused:
        return _refused(refused)
    except ImagingError as refused:
        return Outcome(file_names.displayed(name), "refused", str(refused), code="refused")
    finally:
        file.close()
    shown = file_names.displayed(name)
    if upload.created:
        return Outcome(shown, "stored", "Its analysis is queued.", upload.image)
    sentence = (
        f"The same bytes are kept as {upload.image.file_name}; they have been handed in"
        f" {upload.image.upload_count} times."
    )
    return Outcome(shown, "known", sentence, upload.image)


def _refused(refused: UploadRefused) -> Outcome:
    sentence = refused.reason[:1].upper() + refused.reason[1:]
    code = "storage_failed" if isinstance(refused, StorageFailed) else refused.code
    return Outcome(refused.file_name, "refused", sentence, code=code)


def _json(problem: str, outcomes: list[Outcome]) -> JsonResponse:
    """200 for whatever was read: what became of each file stands in the answer."""
    if problem:
        return JsonResponse({"error": problem, "files": []}, status=400)
    return JsonResponse({"files": [one.as_json() for one in outcomes]})
