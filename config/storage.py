"""Files on the local disk, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage

MODE = 0o640
# How the names of files begin that are still being written, beside their place.
INCOMING = ".incoming-"


class AtomicFileSystemStorage(FileSystemStorage):
    """Django's, except that a file appears under its name only once it is complete and on disk.

    A crash, a full disk or a failed read leaves the old content, or nothing; never half a file.
    """

    def _save(self, name: str, content: File[bytes]) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=INCOMING, dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks(1 << 20):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), MODE)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name as given: our names are made from content, so the same name is the same file."""
        return name
