"""The page of one file: how it is read, its first rows, what is in its columns."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.admin.posting import require
from config.admin.formats import size
from ingestion.actions import dialects
from ingestion.admin.states import KIND_WORDS, badge_of
from ingestion.errors import IngestionError
from ingestion.models import FileCheck, FileStatus, FileUpload
from ingestion.reading import (
    DECIMALS,
    DELIMITERS,
    ENCODINGS,
    ColumnKind,
    Dialect,
    Preview,
    TableRefused,
)

_ROWS: Final = 12
_COLUMNS: Final = 40
_PARTS: Final = 50
_TO_THE_RIGHT: Final = frozenset({ColumnKind.NUMBER, ColumnKind.MOSTLY_NUMBER})


def file_url(file_id: UUID) -> str:
    """The page's address."""
    return reverse("admin:ingestion_fileupload_change", args=[file_id])


def as_id(text: str) -> UUID | None:
    """The text as an id, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Everything about a file; it changes nothing itself."""
    require(request, "ingestion.view_fileupload")
    file_id = as_id(object_id)
    files = FileUpload.objects.select_related("user")
    file = files.filter(pk=file_id).first() if file_id else None
    if file is None:
        messages.warning(request, f"There is no file {object_id[:64]}.")
        return HttpResponseRedirect(reverse("admin:ingestion_fileupload_changelist"))
    tried, wrong = _tried(request, file)
    shown, gone = _preview(file, tried)
    may_change = request.user.has_perm("ingestion.change_fileupload")
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "has_view_permission": True,
        "title": file.original_filename,
        "file": file,
        "badge": badge_of(file),
        "size": size(file.file_size),
        "may_change": may_change,
        "may_remove": may_change and file.status != FileStatus.CHECKING,
        "may_check": may_change
        and not file.is_merged
        and file.status in {FileStatus.FAILED, FileStatus.PENDING}
        and not file.waits_for_confirmation,
        "dialect": tried or file.dialect,
        "trial": tried is not None and tried != file.dialect,
        "wrong": wrong or gone,
        "preview": shown,
        "preview_columns": _columns(shown),
        "preview_rows": _rows(shown),
        "hidden_columns": max(0, (file.column_count or 0) - _COLUMNS),
        "encodings": ENCODINGS.items(),
        "delimiters": DELIMITERS.items(),
        "decimals": DECIMALS.items(),
        "kinds": _counted(file.column_kinds or []),
        "parts": (file.merged_files or [])[:_PARTS],
        "more_parts": max(0, len(file.merged_files or []) - _PARTS),
        "check": _latest_check(file),
        "checks_url": _checks_url(file),
    }
    return TemplateResponse(request, "ingestion/file.html", context)


def _tried(request: HttpRequest, file: FileUpload) -> tuple[Dialect | None, str]:
    """The dialect that the address asks to try, if any; what is wrong with it."""
    asked = {name: request.GET.get(name, "") for name in ("encoding", "delimiter", "decimal")}
    said = {name: value for name, value in asked.items() if value}
    if not said or file.is_merged:
        return None, ""
    try:
        return Dialect.from_json(file.dialect.as_json() | said), ""
    except TableRefused as refused:
        return None, str(refused)


def _preview(file: FileUpload, dialect: Dialect | None) -> tuple[Preview | None, str]:
    try:
        return dialects.preview(file, rows=_ROWS, columns=_COLUMNS, dialect=dialect), ""
    except IngestionError as error:
        return None, str(error)


def _columns(preview: Preview | None) -> list[tuple[str, str, bool]]:
    """Name, kind in words, and whether it is set to the right."""
    if preview is None:
        return []
    return [
        (name, KIND_WORDS[kind], kind in _TO_THE_RIGHT)
        for name, kind in zip(preview.header, preview.kinds, strict=True)
    ]


def _rows(preview: Preview | None) -> list[list[tuple[str, bool]]]:
    """The cells, and whether each is set to the right."""
    if preview is None:
        return []
    right = [kind in _TO_THE_RIGHT for kind in preview.kinds]
    return [list(zip(row, right, strict=True)) for row in preview.rows]


def _counted(kinds: list[str]) -> list[tuple[str, int]]:
    """How many columns hold what."""
    return [(KIND_WORDS.get(kind, kind), times) for kind, times in Counter(kinds).most_common()]


def _latest_check(file: FileUpload) -> FileCheck | None:
    return FileCheck.objects.filter(file=file).order_by("-created_at", "-id").first()


def _checks_url(file: FileUpload) -> str:
    check = _latest_check(file)
    return reverse("admin:ingestion_filecheck_change", args=[check.pk]) if check else ""
