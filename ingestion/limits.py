"""Files on their way in, stopped as soon as they are too large: the same for pages and API."""

from __future__ import annotations

from config.admin import uploads as forms
from database import system_settings
from ingestion.actions.bytes import too_large
from ingestion.actions.uploads import displayed
from ingestion.errors import UploadRefused


class SizeLimit(forms.SizeLimit[UploadRefused]):
    """The limit of files of numbers: the setting ``max_file_size``."""

    def largest(self) -> int:
        """How many bytes a file may have."""
        limit: int = system_settings.get("max_file_size")
        return limit

    def refusal(self, name: str | None, limit: int, more: str) -> UploadRefused:
        """The sentence for a file beyond the limit."""
        return too_large("The upload" if name is None else displayed(name), limit, more)
