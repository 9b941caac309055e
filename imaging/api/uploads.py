"""Files on their way in: stopped as soon as they are too large, refused with the fitting status."""

from __future__ import annotations

from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import QueryDict
from rest_framework.request import Request

from accounts.api.asked import caller_of
from config.admin import formats
from config.api.errors import Refusal
from config.api.forms import refuse_other_fields
from config.api.problems import ProblemType
from database import system_settings
from imaging import file_names
from imaging.actions import uploads
from imaging.api.declared import FILE_TOO_LARGE, FILE_TYPE, FILE_UNREADABLE
from imaging.api.image_rows import UploadSerializer
from imaging.errors import StorageFailed, UploadRefused

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


class SizeLimit(FileUploadHandler):
    """Keeps nothing of a file that is larger than allowed, and reads the rest to no purpose.

    The limit is looked up when the first file comes: requests without one do not ask for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: UploadRefused | None = None
        self._limit: int | None = None
        self._received = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Start counting."""
        super().new_file(*args, **kwargs)
        if self._limit is None:
            self._limit = system_settings.get("max_file_size")
        self._received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Count, and pass on to the handler that keeps the file."""
        self._received += len(raw_data)
        if self._limit is not None and self._received > self._limit:
            self.refused = self.refused or UploadRefused(
                file_names.displayed(self.file_name or ""),
                f"the file is larger than {formats.size(self._limit)}. Make it smaller, or let an"
                " admin raise max_file_size.",
                code="too_large",
            )
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        """The next handler has the file."""
        return None


def take(request: Request, limit: SizeLimit) -> uploads.Upload:
    """Take in the one file of the request.

    Raises ``FileRefused``, ``StorageFailed``, and ``ValidationError`` for what is wrong with the
    form's fields.
    """
    read = request.data  # reads the body; of none at all, there is no form
    data = read if isinstance(read, QueryDict) else QueryDict()
    if limit.refused is not None:
        raise FileRefused(limit.refused)
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
