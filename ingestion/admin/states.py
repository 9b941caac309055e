"""What the states of files are called on the pages, and how they look."""

from __future__ import annotations

from typing import Final

from django.utils.safestring import SafeString

from config.admin.formats import State, badge
from ingestion.models import FileStatus, FileUpload
from ingestion.reading import ColumnKind

_STATES: Final[dict[str, tuple[str, State]]] = {
    FileStatus.PENDING: ("Waits to be checked", "neutral"),
    FileStatus.CHECKING: ("Being checked", "notice"),
    FileStatus.READY: ("Ready", "good"),
    FileStatus.FAILED: ("Cannot be read", "bad"),
}
_ASKS: Final[tuple[str, State]] = ("Waits for you", "warning")

CHOICES: Final = [(status, word) for status, (word, _) in _STATES.items()]
KIND_WORDS: Final[dict[str, str]] = {
    ColumnKind.NUMBER: "number",
    ColumnKind.MOSTLY_NUMBER: "number, not always",
    ColumnKind.TEXT: "text",
    ColumnKind.EMPTY: "empty",
}


def _look(file: FileUpload) -> tuple[str, State]:
    if file.waits_for_confirmation:
        return _ASKS
    return _STATES.get(file.status, (file.status, "neutral"))


def word_of(file: FileUpload) -> str:
    """The status in a few words."""
    return _look(file)[0]


def badge_of(file: FileUpload) -> SafeString:
    """The status as icon, word and tint."""
    return badge(*_look(file))
