"""Handing files in: several at once, each with an outcome of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from accounts.admin.posting import person, require
from config.admin.formats import badge, size
from config.admin.uploads import unreadable
from database import system_settings
from ingestion.actions import uploads
from ingestion.admin.states import badge_of
from ingestion.errors import IngestionError, UploadRefused
from ingestion.limits import SizeLimit
from ingestion.models import FileStatus, FileUpload

FIELD: Final = "files"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    name: str
    sentence: str
    badge: SafeString
    file: FileUpload | None = None


def view(model_admin: Any) -> Callable[[HttpRequest], HttpResponseBase]:
    """The page as a view: the limit must be in place before anything reads the request's body,
    so the check of the form's token comes after it.
    """

    @csrf_exempt
    def upload_view(request: HttpRequest) -> HttpResponseBase:
        require(request, "ingestion.add_fileupload")
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
            problem = "No file was chosen. Choose one or more CSV files, then upload."
    return _answer(request, model_admin, problem, outcomes)


def _answer(
    request: HttpRequest, model_admin: Any, problem: str, outcomes: list[Outcome]
) -> HttpResponse:
    limit = size(system_settings.get("max_file_size"))
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "has_view_permission": True,
        "title": "Upload files",
        "purpose": "Each file is kept as it is, and checked to its last row before it is used.",
        "problem": problem,
        "outcomes": outcomes,
        "limit": limit,
        "field": FIELD,
    }
    status = 400 if problem else 200
    return TemplateResponse(request, "ingestion/upload.html", context, status=status)


def _taken(request: HttpRequest, file: UploadedFile[bytes]) -> Outcome:
    """Hand one file in; a refusal is its outcome and does not touch the others."""
    name = file.name or ""
    try:
        upload = uploads.upload(file, name, by=person(request))
    except UploadRefused as refused:
        return _refused(refused)
    except IngestionError as refused:
        return Outcome(uploads.displayed(name), str(refused), badge("Refused", "bad"))
    finally:
        file.close()
    return Outcome(uploads.displayed(name), _sentence(upload), badge_of(upload.file), upload.file)


def _refused(refused: UploadRefused) -> Outcome:
    sentence = refused.reason[:1].upper() + refused.reason[1:]
    return Outcome(refused.file_name, sentence, badge("Refused", "bad"))


def _sentence(upload: uploads.Upload) -> str:
    file = upload.file
    if not upload.created:
        return f"You handed in the same bytes before, as {file.original_filename}."
    if file.waits_for_confirmation:
        return "Stored. Open it, and say how it is to be read."
    if file.status == FileStatus.FAILED:
        return f"Stored, but: {file.error_message}"
    if file.status == FileStatus.READY:
        return f"Stored: {file.row_count:,} rows, {file.column_count:,} columns."
    return "Stored. A worker reads it to its end; its page says how far that is."
