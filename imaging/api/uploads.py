"""Files on their way in through the API, refused with the fitting status."""

from __future__ import annotations

from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.request import Request

from accounts.api.asked import caller_of
from config.api.errors import Refusal
from config.api.forms import refuse_other_fields
from config.api.problems import ProblemType
from imaging.actions import uploads
from imaging.api.declared import FILE_TOO_LARGE, FILE_TYPE, FILE_UNREADABLE
from imaging.api.image_rows import UploadSerializer
from imaging.errors import StorageFailed, UploadRefused
from imaging.limits import SizeLimit

FIELD: Final = "file"
_KINDS: Final[dict[str, ProblemType]] = {
    "too_large": FILE_TOO_LARGE,
    "too_many_pixels": FILE_TOO_LARGE,
    "too_large_side": FILE_TOO_LARGE,
    "not_an_image": FILE_TYPE,
    "unsupported": FILE_TYPE,
    "type_not_allowed": FILE_TYPE,
}


class FileRefused(Refusal):
    """A file that was not taken, with the problem that fits the reason."""

    def __init__(self, refused: UploadRefused) -> None:
        self.kind = _KINDS.get(refused.code, FILE_UNREADABLE)
        super().__init__(str(refused))


def take(request: Request, limit: SizeLimit) -> uploads.Upload:
    """Take in the one file of the request.

    Raises ``FileRefused``, ``StorageFailed``, and ``ValidationError`` for what is wrong with the
    form's fields.
    """
    read = request.data  # reads the body; of none at all, there is no form
    data = read if isinstance(read, QueryDict) else QueryDict()
    if limit.refused:
        raise FileRefused(limit.refused[0])
    known = UploadSerializer().fields
    refuse_other_fields(data, request.FILES, known=known, file=FIELD)
    serializer = UploadSerializer(data=data)
    serializer.is_valid(raise_exception=True)
    asked: dict[str, Any] = serializer.validated_data
    file: UploadedFile[bytes] = asked[FIELD]
    try:
        return uploads.receive(
            file,
            name=file.name or "",
            by=caller_of(request),
            parameters=asked.get("parameters"),
            priority=asked["priority"],
        )
    except StorageFailed:
        raise
    except UploadRefused as refused:
        raise FileRefused(refused) from None
