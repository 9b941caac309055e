"""How severities, phases and figures of monitoring look on the pages."""

from __future__ import annotations

import math
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from config.admin.formats import NOTHING, State, badge
from monitoring.models import Alert, AnalysisStatus, AnalysisType

SEVERITY: Final[dict[str, tuple[str, State]]] = {
    "none": ("Healthy", "good"),
    "low": ("Low", "notice"),
    "medium": ("Medium", "warning"),
    "high": ("High", "bad"),
    "critical": ("Critical", "bad"),
}
# As ``monitoring.scoring.Severity`` counts them.
RANKS: Final = tuple(SEVERITY)
PHASE: Final[dict[str, tuple[str, State]]] = {
    "active": ("Active", "bad"),
    "acknowledged": ("Acknowledged", "notice"),
    "recovering": ("Recovering", "warning"),
    "resolved": ("Resolved", "good"),
}
SCORES: Final = {
    "feature_knn": "distance to the nearest healthy rows",
    "feature_mahalanobis": "Mahalanobis distance of the features",
    "map_mahalanobis": "Mahalanobis distance on the map",
}
# Of the dataset beside a row, what no list shows: what is noted of it may take a megabyte.
HEAVY: Final = ("dataset__description", "dataset__metadata", "dataset__sealed_metadata")
_ANALYSIS: Final[dict[str, tuple[str, State]]] = {
    AnalysisStatus.PENDING: ("Waits", "neutral"),
    AnalysisStatus.PROCESSING: ("Runs", "notice"),
    AnalysisStatus.COMPLETED: ("Completed", "good"),
    AnalysisStatus.FAILED: ("Failed", "bad"),
    AnalysisStatus.CANCELLED: ("Cancelled", "neutral"),
}
_TOLD: Final = {
    "fired": "it began",
    "worsened": "it became worse",
    "repeated": "it still lasted",
    "escalated": "nobody had answered",
    "resolved": "it was over",
}
_TYPES: Final = {AnalysisType.FIT: "Map", AnalysisType.PLACE: "Samples"}
_LONGEST: Final = 80


def severity_badge(severity: str | None) -> SafeString:
    """How bad a sample or alert is."""
    return badge(*SEVERITY.get(severity or "", ("Not judged", "neutral")))


def phase_badge(alert: Alert) -> SafeString:
    """Where an alert stands."""
    return badge(*PHASE.get(alert.phase, (alert.phase, "neutral")))


def told_whom(action: str) -> str:
    """Who was told, as people say it: an address, or the webhooks."""
    kind, _, address = action.partition(":")
    return address if kind == "email" and address else "The webhooks"


def told_why(event: str) -> str:
    """Of what: ``fired`` is ``it began``, ``worsened:high`` is ``it became worse: high``."""
    name, _, more = event.partition(":")
    if name == "repeated" and more:
        return f"{_TOLD[name]}, reminder {more}"
    words = _TOLD.get(name, name)
    return f"{words}: {more}" if more else words


def analysis_badge(status: str) -> SafeString:
    """Where an analysis stands."""
    return badge(*_ANALYSIS.get(status, (status, "neutral")))


def analysis_word(analysis_type: str) -> str:
    """What was done."""
    return _TYPES.get(AnalysisType(analysis_type), analysis_type)


def figure(value: float | None, digits: int = 4) -> str:
    """A number of any size, to so many digits that count: ``0.00123``, ``12.34``, ``1.2e+09``."""
    if value is None or not math.isfinite(value):
        return NOTHING if value is None or math.isnan(value) else "∞"
    return f"{value:.{digits}g}"


def group_words(values: Any) -> str:
    """The group of an alert: ``machine 7, line A``."""
    if not isinstance(values, dict) or not values:
        return NOTHING
    said = (f"{str(key).removeprefix('meta.')} {value or NOTHING}" for key, value in values.items())
    text = ", ".join(said)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def dataset_url(dataset_id: UUID) -> str:
    """The page of a dataset."""
    return reverse("admin:monitoring_dataset_change", args=[dataset_id])


def row_link(dataset_id: UUID, map_id: UUID, order: int) -> str:
    """The dataset's page with one sample opened in its map."""
    return f"{dataset_url(dataset_id)}?map={map_id}#sample-{order}"
