"""The pages about monitoring, as a row of links under each page's title."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from config.admin.sections import Listed, Section
from config.admin.sections import sections as allowed

SEE_DATASETS: Final = "monitoring.view_dataset"
MAKE_DATASETS: Final = "monitoring.add_dataset"
CHANGE_DATASETS: Final = "monitoring.change_dataset"
SEE_ANALYSES: Final = "monitoring.view_analysis"
ASK: Final = "monitoring.add_analysis"
SEE_ANOMALIES: Final = "monitoring.view_anomaly"
ACKNOWLEDGE: Final = "monitoring.change_anomaly"
SEE_CONFIG: Final = "monitoring.view_mapconfig"
CONFIGURE: Final = "monitoring.add_mapconfig"
SEE_ALERTS: Final = "monitoring.view_alert"
ANSWER_ALERTS: Final = "monitoring.change_alert"
SEE_RULES: Final = "monitoring.view_alertrule"
MAKE_RULES: Final = "monitoring.add_alertrule"
CHANGE_RULES: Final = "monitoring.change_alertrule"
SEE_SILENCES: Final = "monitoring.view_alertsilence"
MAKE_SILENCES: Final = "monitoring.add_alertsilence"
END_SILENCES: Final = "monitoring.change_alertsilence"

_PAGES: Final[tuple[Listed, ...]] = (
    ("Alerts", "monitoring_alert_changelist", SEE_ALERTS),
    ("Datasets", "monitoring_dataset_changelist", SEE_DATASETS),
    ("Anomalies", "monitoring_anomaly_changelist", SEE_ANOMALIES),
    ("Analyses", "monitoring_analysis_changelist", SEE_ANALYSES),
    ("Rules", "monitoring_alertrule_changelist", SEE_RULES),
    ("Silences", "monitoring_alertsilence_changelist", SEE_SILENCES),
    ("Parameters", "monitoring_configuration", SEE_CONFIG),
)


def sections(request: HttpRequest) -> list[Section]:
    """The pages that this person may see."""
    return allowed(request, _PAGES)
