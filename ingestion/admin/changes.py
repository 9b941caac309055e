"""What can be done with one file from its page: each change has an address, by POST alone."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.http import HttpResponseRedirect as Redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.admin.posting import person, require
from audit.recording import record
from ingestion import stored
from ingestion.actions import checks, dialects, files
from ingestion.admin.file_page import file_url
from ingestion.admin.posting import attempted
from ingestion.errors import SourceLost
from ingestion.models import FileStatus, FileUpload

_CHANGE = "ingestion.change_fileupload"


def views() -> dict[str, Callable[..., HttpResponseBase]]:
    """The views by the last part of their address."""
    return {
        "dialect": require_POST(dialect),
        "check": require_POST(check),
        "remove": require_POST(remove),
        "content": require_safe(content),
    }


def dialect(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """Say how the file is to be read."""
    require(request, _CHANGE)

    def change() -> FileUpload:
        return dialects.confirm(
            file_id,
            encoding=request.POST.get("encoding", ""),
            delimiter=request.POST.get("delimiter", ""),
            decimal=request.POST.get("decimal", ""),
            by=person(request),
        )

    return _answered(request, file_id, change)


def check(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """Check the file once more."""
    require(request, _CHANGE)
    return _answered(request, file_id, lambda: checks.again(file_id, by=person(request)))


def remove(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """Remove the file."""
    require(request, _CHANGE)

    def change() -> str:
        name = FileUpload.objects.filter(pk=file_id).values_list("original_filename", flat=True)
        shown = name.first() or str(file_id)
        files.remove(file_id, by=person(request))
        return f"Removed: {shown}."

    done, refused = attempted(change)
    if done is None:
        messages.warning(request, refused)
        return Redirect(file_url(file_id))
    messages.success(request, done)
    return Redirect(reverse("admin:ingestion_fileupload_changelist"))


def content(request: HttpRequest, file_id: UUID) -> HttpResponseBase:
    """The bytes as they were handed in, as a download."""
    if not request.user.has_perm("ingestion.view_fileupload"):
        raise PermissionDenied("Your role may not see files.")
    file = FileUpload.objects.filter(pk=file_id, merged_files__isnull=True).first()
    try:
        if file is None:
            raise SourceLost("There is no such file.")
        stream = stored.open_bytes(file.original_filename, file.file_path or "")
    except SourceLost as error:
        messages.warning(request, str(error))
        return Redirect(file_url(file_id))
    with transaction.atomic():
        record("file.downloaded", by=person(request), subject=file)
    response = FileResponse(
        stream, as_attachment=True, filename=file.original_filename, content_type="text/csv"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-cache"
    return response


def _answered(
    request: HttpRequest, file_id: UUID, change: Callable[[], FileUpload]
) -> HttpResponse:
    """Make the change and say what came of it, on the file's page."""
    file, refused = attempted(change)
    if file is None:
        messages.warning(request, refused)
    elif file.status == FileStatus.READY:
        said = f"It is read: {file.row_count:,} rows, {file.column_count:,} columns."
        messages.success(request, said)
    elif file.status == FileStatus.FAILED:
        messages.warning(request, f"It cannot be read so: {file.error_message}")
    else:
        messages.success(request, "It waits to be checked by a worker.")
    return Redirect(file_url(file_id))
