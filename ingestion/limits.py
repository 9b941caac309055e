"""Files on their way in, stopped as soon as they are too large: the same for pages and API."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile

from database import system_settings
from ingestion.actions.bytes import too_large
from ingestion.actions.uploads import displayed
from ingestion.errors import UploadRefused


class SizeLimit(FileUploadHandler):
    """Keeps nothing of a file that is larger than allowed, and reads the rest to no purpose.

    The limit is looked up when the first file comes: requests without one do not ask for it.
    ``refused`` has a refusal for each file that was dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[UploadRefused] = []
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
            self.refused.append(too_large(displayed(self.file_name or ""), self._limit))
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        """The next handler has the file."""
        return None
