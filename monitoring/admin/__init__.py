"""The maintenance engineers' door: datasets, their maps, anomalies, alerts, rules, parameters."""

from config.admin.registry import NavItem, Panel, add_navigation, add_page, add_panel, add_search
from monitoring.admin import (
    alerts,
    analyses,
    anomalies,
    configuration,
    datasets,
    overview,
    questions,
    rules,
    silences,
)
from monitoring.admin.sections import SEE_ALERTS, SEE_DATASETS

__all__ = [
    "alerts",
    "analyses",
    "anomalies",
    "configuration",
    "datasets",
    "overview",
    "questions",
    "rules",
    "silences",
]

for _page in (*configuration.PAGES, *silences.PAGES):
    add_page(_page)
add_navigation(
    NavItem(
        "Monitoring",
        "admin:monitoring_alert_changelist",
        order=30,
        permission=SEE_ALERTS,
        count=questions.alerts_in_nav,
        count_meaning="active alerts",
        also_active_for=("monitoring_",),
    )
)
add_panel(Panel("Open alerts", 4, SEE_ALERTS, overview.alerts, wide=True))
add_search(overview.find, permission=SEE_DATASETS)
