"""Files as answers: the bytes with their ETag, for the caller alone."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal

from django.core.exceptions import SuspiciousOperation
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse, HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from config.api import preconditions
from config.api.errors import Refusal
from imaging import file_names, paths
from imaging.api.declared import FILE_GONE
from imaging.models import Image
from imaging.originals import open_original

WEBP: Final = "image/webp"
SVG: Final = "image/svg+xml"
# What a reader may be told a file is; anything else is bytes.
PICTURES: Final = (
    "image/jpeg",
    "image/png",
    WEBP,
    "image/tiff",
    "image/gif",
    "image/bmp",
    "image/avif",
)
BYTES: Final = "application/octet-stream"
_FRESH: Final = 3600
_GONE: Final = "{name}: the stored file is gone. Restore it from a backup."
# A drawing opened by itself runs nothing and loads nothing, whatever it holds.
_CLOSED: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class FileRenderer(JSONRenderer):
    """Lets a caller ask for any format; what is not a file, a problem, is written as JSON."""

    media_type = "*/*"
    format = "file"


class FileGone(Refusal):
    """There is no file behind the row."""

    kind = FILE_GONE


def original(request: Request, image: Image) -> HttpResponseBase:
    """The bytes as they were handed in, as a download, streamed from the storage."""
    etag = f'"{image.file_hash}"'
    if preconditions.is_unchanged(request, etag):
        return _private(HttpResponse(status=304), etag, fresh=0)
    kind = image.mime_type if image.mime_type in PICTURES else BYTES
    name = file_names.displayed(image.file_name)
    file = open_original(image)
    if file is None:
        raise FileGone(_GONE.format(name=name))
    return _private(
        FileResponse(file, as_attachment=True, filename=name, content_type=kind), etag, fresh=0
    )


def small(
    request: Request, image: Image, kind: Literal["preview", "thumbnail"]
) -> HttpResponseBase:
    """The image's own ``preview`` or ``thumbnail``."""
    path = image.preview_path if kind == "preview" else image.thumbnail_path
    name = f"{kind}.webp"
    if not paths.is_small(path, image.pk):
        raise FileGone(_GONE.format(name=name))
    return picture(request, path, name)


def picture(request: Request, path: str, name: str) -> HttpResponseBase:
    """A small picture that was made here, to be shown; ``name`` is what a copy would be called."""
    with _opened(path, name) as file:
        data = file.read()
    return shown(request, data, name=name, kind=WEBP)


def shown(request: Request, data: bytes, *, name: str, kind: str) -> HttpResponseBase:
    """These bytes to be shown, or 304 when the caller has them."""
    etag = f'"{hashlib.sha256(data).hexdigest()}"'
    if preconditions.is_unchanged(request, etag):
        return _private(HttpResponse(status=304), etag, fresh=_FRESH)
    response = HttpResponse(data, content_type=kind)
    response["Content-Disposition"] = f'inline; filename="{name}"'
    if kind == SVG:
        response["Content-Security-Policy"] = _CLOSED
    return _private(response, etag, fresh=_FRESH)


def _opened(path: str, name: str) -> File[Any]:
    """The stored file; FileGone when it is not there, or the path leads out of the storage."""
    try:
        if path:
            return default_storage.open(path)
    except (OSError, SuspiciousOperation, ValueError):
        pass
    raise FileGone(_GONE.format(name=name))


def _private(response: HttpResponseBase, etag: str, *, fresh: int) -> HttpResponseBase:
    """For this caller alone; asked for again after ``fresh`` seconds."""
    response["ETag"] = etag
    response["Cache-Control"] = f"private, max-age={fresh}" if fresh else "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    return response
