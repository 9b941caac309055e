"""Files on their way in, stopped as soon as they are too large: the same for pages and API."""

from __future__ import annotations

from config.admin import uploads as forms
from database import system_settings
from imaging import file_names
from imaging.actions.uploads import too_large
from imaging.errors import UploadRefused


class SizeLimit(forms.SizeLimit[UploadRefused]):
    """The limit of pictures: the setting ``max_file_size``."""

    def largest(self) -> int:
        """How many bytes a file may have."""
        limit: int = system_settings.get("max_file_size")
        return limit

    def refusal(self, name: str | None, limit: int, more: str) -> UploadRefused:
        """The sentence for a file beyond the limit."""
        shown = "The upload" if name is None else file_names.displayed(name)
        return too_large(shown, limit, more)
