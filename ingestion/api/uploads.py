"""Files on their way in through the API, refused with the fitting status."""

from __future__ import annotations

from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.api.asked import caller_of
from config.api.errors import Refusal
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
    _refuse_others(data, request.FILES)
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


def _refuse_others(data: QueryDict, sent: MultiValueDict[str, UploadedFile[bytes]]) -> None:
    """Refuse fields that are unknown, given twice, or a file where a text belongs."""
    known = FileToUploadSerializer().fields
    wrong: dict[str, list[str]] = {}
    for name, values in data.lists():
        if name not in known:
            takes = ", ".join(known)
            wrong[name[:100].replace("\x00", "")] = [f"There is no such field. It takes {takes}."]
        elif len(values) > 1:
            wrong[name] = ["The field is given more than once. Upload one file at a time."]
        elif name != FIELD and name in sent:
            wrong[name] = ["This is a file, but must be a text."]
    if wrong:
        raise ValidationError(wrong)
