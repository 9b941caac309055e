"""Files on their way in, stopped as soon as they are too large: the same for pages and API."""

from __future__ import annotations

from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from database import system_settings
from ingestion.actions.bytes import too_large
from ingestion.actions.uploads import displayed
from ingestion.errors import UploadRefused

# Bytes of a request that are the form's, and not the file's: its other fields, at most.
_FORM: Final = 1 << 20
# So much is read behind a file that is dropped, or as much as one file may have: browsers show no
# answer while they send. Where more would come the connection is given up.
_PATIENCE: Final = 64 << 20


class SizeLimit(FileUploadHandler):
    """Keeps nothing of a file that is larger than allowed, and does not read on for ever.

    The limit is looked up when the first file comes: requests without one do not ask for it.
    ``alone``: a request holds one file; one that says that it is larger is not read at all.
    ``refused`` has a refusal for each file that was dropped.
    """

    def __init__(self, *, alone: bool = False) -> None:
        super().__init__()
        self.refused: list[UploadRefused] = []
        self._alone = alone
        self._limit: int | None = None
        self._received = 0
        self._behind = 0  # bytes of the request that are still to come, at most

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803 - Django's name, by which it is given
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> tuple[QueryDict, MultiValueDict[str, UploadedFile[bytes]]] | None:
        """Refuse by the length that the request says it has; what it answers is then all of it."""
        self._behind = content_length
        if not self._alone or content_length <= _FORM:
            return None
        limit: int = system_settings.get("max_file_size")
        if content_length <= limit + _FORM:
            return None
        self.refused.append(too_large("The upload", limit))
        return QueryDict(), MultiValueDict()

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
            refused = too_large(displayed(self.file_name or ""), self._limit)
            self._behind -= self._received
            if self._behind > max(self._limit, _PATIENCE):
                self.refused.append(
                    UploadRefused(
                        refused.file_name,
                        f"{refused.reason} What was sent behind it was not read: send it again.",
                        code=refused.code,
                    )
                )
                raise StopUpload(connection_reset=True)
            self.refused.append(refused)
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        """The next handler has the file."""
        self._behind -= self._received
        return None
