"""ETags: reading what has not changed costs nothing, changing what has changed is refused.

RFC 9110, sections 8.8.3 and 13; 428 is RFC 6585's. An ETag is made of the row's key and the moment
of its last change with its microseconds, which a trigger keeps for whoever changes the row.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Final

from django.db.models import Model
from django.utils.cache import patch_vary_headers
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.errors import PreconditionFailed, PreconditionRequired, wrong_parameter

_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
# More than any client keeps.
_LONGEST: Final = 4000


def etag_of(row: Model, *parts: object) -> str:
    """The strong ETag of a row; ``parts`` are what else its representation depends on."""
    known = [type(row)._meta.label, row.pk, getattr(row, "updated_at", None), *parts]
    return etag_from(*known)


def etag_from(*parts: object) -> str:
    """A strong ETag of these values; moments count to the microsecond, wherever they are."""
    told = "\x1f".join(_told(part) for part in parts)
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def is_unchanged(request: Request, etag: str) -> bool:
    """Whether the caller has this state already (``If-None-Match``, compared weakly)."""
    asked = request.headers.get("If-None-Match")
    if asked is None:
        return False
    return asked.strip() == "*" or etag in {tag.removeprefix("W/") for tag in _tags(asked)}


def require_match(request: Request, etag: str) -> None:
    """Raise 428 without ``If-Match``, 412 when it names another state (compared strongly)."""
    asked = request.headers.get("If-Match")
    if asked is None:
        raise PreconditionRequired
    if asked.strip() == "*":
        return
    tags = _tags(asked)
    if not tags:
        raise wrong_parameter("If-Match", 'It must hold an ETag as it was given: "…".')
    if etag not in tags:
        raise PreconditionFailed


def not_modified(etag: str) -> Response:
    """304, with the headers that the full answer would have had (RFC 9110, section 15.4.5)."""
    return tag(Response(status=304), etag)


def tag(response: Response, etag: str) -> Response:
    """The answer with its ETag, kept by nobody but the caller."""
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return response


def _tags(header: str) -> list[str]:
    return _TAG.findall(header[:_LONGEST])


def _told(part: object) -> str:
    if isinstance(part, datetime) and part.tzinfo:
        return part.astimezone(UTC).isoformat(timespec="microseconds")
    return str(part)
