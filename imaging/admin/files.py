"""The files of an image, for whoever may see the image."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final
from uuid import UUID

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from imaging import file_names, paths
from imaging.actions.results import LAYERS
from imaging.models import Image
from imaging.originals import open_original

_SMALL: Final = ("preview", "thumbnail")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")
# What a browser may be told a file is; anything else is bytes.
_PICTURES: Final = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/tiff",
        "image/gif",
        "image/bmp",
        "image/avif",
    }
)
_MISSING: Final = Path(__file__).resolve().parent.parent / "static" / "imaging" / "missing.svg"


@require_safe
def image_file(request: HttpRequest, image_id: UUID, kind: str) -> HttpResponseBase:
    """``original`` as a download under the name it was handed in with; ``preview``, ``thumbnail``.

    Whatever cannot be had is answered by a placeholder picture with status 404.
    """
    _check(request)
    if kind != "original" and kind not in _SMALL:
        return _missing()
    image = Image.objects.filter(pk=image_id).defer("metadata", "image_dimensions").first()
    if image is None:
        return _missing()
    if kind == "original":
        return _original(request, image)
    path = image.thumbnail_path if kind == "thumbnail" else image.preview_path
    if not paths.is_small(path, image_id):
        return _missing()
    return _picture(request, path, fresh_for=3600)


@require_safe
def image_layer(
    request: HttpRequest, image_id: UUID, fingerprint: str, name: str
) -> HttpResponseBase:
    """A picture that an analysis made: ``visualization``, ``ground`` or ``outline``, as WebP."""
    _check(request)
    known = name in LAYERS and _FINGERPRINT.fullmatch(fingerprint)
    if not known or not Image.objects.filter(pk=image_id).exists():
        return _missing()
    return _picture(request, paths.layer(image_id, fingerprint, name), fresh_for=3600)


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm("imaging.view_image"):
        raise PermissionDenied("Your role may not see images.")


def _opened(path: str) -> File[bytes] | None:
    """The stored file; None when it is gone, or the path leads out of the storage."""
    if not path:
        return None
    try:
        return default_storage.open(path)
    except (OSError, SuspiciousOperation, ValueError):
        return None


def _original(request: HttpRequest, image: Image) -> HttpResponseBase:
    etag = quote_etag(image.file_hash)
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return _private(unchanged, etag, fresh_for=0)
    file = open_original(image)
    if file is None:
        return _missing()
    kind = image.mime_type if image.mime_type in _PICTURES else "application/octet-stream"
    response = FileResponse(
        file,
        as_attachment=True,
        filename=file_names.displayed(image.file_name),
        content_type=kind,
    )
    return _private(response, etag, fresh_for=0)


def _picture(request: HttpRequest, path: str, *, fresh_for: int) -> HttpResponseBase:
    file = _opened(path)
    if file is None:
        return _missing()
    with file:
        data = file.read()
    etag = quote_etag(hashlib.sha256(data).hexdigest())
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return _private(unchanged, etag, fresh_for=fresh_for)
    return _private(HttpResponse(data, content_type="image/webp"), etag, fresh_for=fresh_for)


def _private(response: HttpResponseBase, etag: str, *, fresh_for: int) -> HttpResponseBase:
    """For this person's browser alone; asked for again after ``fresh_for`` seconds."""
    response["ETag"] = etag
    response["Cache-Control"] = (
        f"private, max-age={fresh_for}" if fresh_for else "private, no-cache"
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _missing() -> HttpResponse:
    response = HttpResponse(_MISSING.read_bytes(), status=404, content_type="image/svg+xml")
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response
