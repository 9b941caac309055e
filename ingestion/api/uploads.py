"""Files on their way in through the API, refused with the fitting status."""

from __future__ import annotations

from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.api.asked import caller_of
from config.api.errors import Refusal
from config.api.forms import refuse_other_fields
from config.api.problems import ProblemType
from ingestion.actions import uploads
from ingestion.api.declared import TABLE_TOO_LARGE, TABLE_TYPE, TABLE_UNREADABLE
from ingestion.api.rows import FileToUploadSerializer
from ingestion.errors import DialectRefused, StorageFailed, UploadRefused
from ingestion.limits import SizeLimit

FIELD: Final = "file"
_KINDS: Final[dict[str, ProblemType]] = {
    "too_large": TABLE_TOO_LARGE,
    "not_text": TABLE_TYPE,
    "type_not_allowed": TABLE_TYPE,
}


class FileRefused(Refusal):
    """A file that was not taken, with the problem that fits the reason."""

    def __init__(self, refused: UploadRefused) -> None:
        self.kind = _KINDS.get(refused.code, TABLE_UNREADABLE)
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
    known = FileToUploadSerializer().fields
    refuse_other_fields(data, request.FILES, known=known, file=FIELD)
    serializer = FileToUploadSerializer(data=data)
    serializer.is_valid(raise_exception=True)
    asked: dict[str, Any] = serializer.validated_data
    file: UploadedFile[bytes] = asked.pop(FIELD)
    try:
        return uploads.upload(
            file,
            file.name or "",
            by=caller_of(request),
            dialect={
                "encoding": asked.get("encoding", ""),
                "delimiter": asked.get("delimiter", ""),
                "decimal": asked.get("decimal_sign", ""),
            },
        )
    except DialectRefused as refused:
        raise ValidationError({"delimiter": [str(refused)]}) from None
    except StorageFailed:
        raise
    except UploadRefused as refused:
        raise FileRefused(refused) from None
