"""The refusals this package can answer with: sentences fit for whoever handed the file in."""

from __future__ import annotations


class IngestionError(Exception):
    """Something was refused; the text says what, and what to do."""


class UploadRefused(IngestionError):
    """A file was not taken. ``file_name`` is what the person called it, shortened."""

    def __init__(self, file_name: str, reason: str, *, code: str) -> None:
        super().__init__(f"{file_name}: {reason}")
        self.file_name = file_name
        self.reason = reason
        self.code = code


class StorageFailed(UploadRefused):
    """The file could not be stored: a full disk, a missing right. Nothing of it was kept."""


class DialectRefused(IngestionError):
    """The encoding, delimiter or decimal sign that was asked for is none, or fits no file."""


class NotNow(IngestionError):
    """The state of the file does not allow it at the moment."""


class SourceLost(IngestionError):
    """The stored file is gone or no longer holds the bytes it was stored with."""

    permanent = True  # trying again would find the same
