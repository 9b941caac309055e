"""The refusals this package can answer with: sentences fit for whoever handed the file in."""

from __future__ import annotations


class ImagingError(Exception):
    """Something was refused; the text says what, and what to do."""


class UploadRefused(ImagingError):
    """A file was not taken. ``file_name`` is what the person called it, shortened."""

    def __init__(self, file_name: str, reason: str, *, code: str) -> None:
        super().__init__(f"{file_name}: {reason}")
        self.file_name = file_name
        self.reason = reason
        self.code = code


class StorageFailed(UploadRefused):
    """The file could not be stored: a full disk, a missing right. Nothing of it was kept."""


class NotNow(ImagingError):
    """The state of the image or job does not allow it at the moment."""


class MetadataRefused(ImagingError):
    """A fact about an image was not taken; ``key`` names it, and is empty for all together."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}" if key else reason)
        self.key = key
        self.reason = reason


class SourceLost(ImagingError):
    """The stored file is gone or no longer holds the bytes it was stored with."""

    permanent = True  # trying again would find the same
