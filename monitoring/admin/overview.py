"""What monitoring shows on the overview, and what its search finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from config.admin.formats import relative_moment
from config.admin.registry import HITS_PER_PROVIDER, SearchHit
from monitoring.admin import shown
from monitoring.admin.posting import as_id
from monitoring.admin.questions import open_alerts
from monitoring.models import Alert, Anomaly, Dataset

_LATEST: Final = 5


def alerts(request: HttpRequest) -> SafeString:
    """The alerts that wait, the newest first; nothing where none does."""
    rows = open_alerts().select_related("alert_rule", "dataset").order_by("-created_at", "-id")
    latest = list(rows[:_LATEST])
    if not latest:
        return SafeString("")
    context = {
        "alerts": [
            {
                "url": reverse("admin:monitoring_alert_change", args=[one.pk]),
                "rule": one.alert_rule.name,
                "dataset": one.dataset.name,
                "severity": shown.severity_badge(one.severity),
                "phase": shown.phase_badge(one),
                "at": one.last_seen_at,
            }
            for one in latest
        ],
        "list_url": reverse("admin:monitoring_alert_changelist"),
    }
    return SafeString(render_to_string("monitoring/parts/alerts_panel.html", context))


def find(request: HttpRequest, text: str) -> Iterator[SearchHit]:
    """Datasets by a part of their name or a tag; by its id also an alert or an anomaly."""
    wanted = Q(name__icontains=text) | Q(tags__contains=[text])
    key = as_id(text)
    if key:
        wanted |= Q(pk=key)
        yield from _by_key(key)
    rows = Dataset.objects.filter(wanted).order_by("-created_at", "-id")
    for one in rows[:HITS_PER_PROVIDER]:
        note = relative_moment(one.last_analysis_at) if one.last_analysis_at else "no analysis yet"
        yield SearchHit("Dataset", one.name, shown.dataset_url(one.pk), note)


def _by_key(key: UUID) -> Iterator[SearchHit]:
    alert = Alert.objects.select_related("alert_rule").filter(pk=key).first()
    if alert:
        address = reverse("admin:monitoring_alert_change", args=[key])
        yield SearchHit("Alert", alert.alert_rule.name, address, alert.phase)
    anomaly = Anomaly.objects.select_related("dataset").filter(pk=key).first()
    if anomaly:
        address = reverse("admin:monitoring_anomaly_change", args=[key])
        yield SearchHit("Anomaly", anomaly.dataset.name, address, anomaly.severity)
