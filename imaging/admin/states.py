"""What the states of images, jobs and anomalies are called on the pages, and how they look."""

from __future__ import annotations

from typing import Final

from django.utils.safestring import SafeString

from config.admin.formats import State, badge
from imaging.models import AnalysisStatus, QueueStatus

_IMAGE: Final[dict[str, tuple[str, State]]] = {
    AnalysisStatus.PENDING: ("Waiting", "neutral"),
    AnalysisStatus.PROCESSING: ("Analysing", "notice"),
    AnalysisStatus.COMPLETED: ("Analysed", "good"),
    AnalysisStatus.FAILED: ("Failed", "bad"),
    AnalysisStatus.ARCHIVED: ("Archived", "neutral"),
}

_JOB: Final[dict[str, tuple[str, State]]] = {
    QueueStatus.QUEUED: ("Queued", "neutral"),
    QueueStatus.PROCESSING: ("Running", "notice"),
    QueueStatus.COMPLETED: ("Done", "good"),
    QueueStatus.FAILED: ("Failed", "bad"),
    QueueStatus.RETRYING: ("Waits to be retried", "warning"),
    QueueStatus.CANCELLED: ("Cancelled", "neutral"),
}

_SEVERITY: Final[dict[str, tuple[str, State]]] = {
    "critical": ("Critical", "bad"),
    "warning": ("Warning", "warning"),
    "info": ("Note", "notice"),
}


def image_word(status: str) -> str:
    """The status of an image in a word."""
    return _IMAGE.get(status, (status, "neutral"))[0]


def job_word(status: str) -> str:
    """The status of a job in a word."""
    return _JOB.get(status, (status, "neutral"))[0]


def image_badge(status: str) -> SafeString:
    """The status of an image as icon, word and tint."""
    return badge(*_IMAGE.get(status, (status, "neutral")))


def job_badge(status: str) -> SafeString:
    """The status of a job as icon, word and tint."""
    return badge(*_JOB.get(status, (status, "neutral")))


def severity_badge(severity: str) -> SafeString:
    """How much an anomaly matters, as icon, word and tint."""
    return badge(*_SEVERITY.get(severity, (severity, "neutral")))


IMAGE_CHOICES: Final = [(status, word) for status, (word, _) in _IMAGE.items()]
JOB_CHOICES: Final = [(status, word) for status, (word, _) in _JOB.items()]
