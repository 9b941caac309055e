"""What the audit log records of alerts, and what other systems are told of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder

from audit.registry import Action, register, register_guarded
from monitoring.models import Alert, AlertRule
from monitoring.rules.telling import Event
from webhooks.registry import declare_event

OF_EVENT: Final = {
    Event.FIRED: "alert.fired",
    Event.WORSENED: "alert.worsened",
    Event.REPEATED: "alert.repeated",
    Event.ESCALATED: "alert.escalated",
    Event.RESOLVED: "alert.resolved",
}
ACKNOWLEDGED: Final = "alert.acknowledged"
# What one message holds; webhooks take 100 kB.
MOST_ALERTS: Final = 50
MOST_BYTES: Final = 60_000


def declare() -> None:
    """Make them known; ``AppConfig.ready`` calls it."""
    register_guarded("alert_rule", word="config_change")
    register_guarded("alert_silence", word="config_change")
    register_guarded("alert")
    register(
        Action("alert_rule.made", "A rule for alerts was made.", "config_change"),
        Action("alert_rule.changed", "A rule for alerts was changed.", "config_change"),
        Action("alert_rule.removed", "A rule for alerts was removed.", "config_change"),
        Action("alert_rule.evaluated", "A rule opened or ended alerts."),
        Action("alert_silence.made", "Alerts were silenced for a time.", "config_change"),
        Action("alert_silence.ended", "A silence was ended early.", "config_change"),
        Action("alert.acknowledged", "Somebody has seen an alert."),
        Action("alert.resolved", "Somebody said that an alert is over."),
    )
    declare_event(OF_EVENT[Event.FIRED], "A rule raised alerts.")
    declare_event(OF_EVENT[Event.WORSENED], "Alerts became more severe.")
    declare_event(OF_EVENT[Event.REPEATED], "Alerts are still active, and nobody has seen them.")
    declare_event(OF_EVENT[Event.ESCALATED], "Nobody has acknowledged alerts for too long.")
    declare_event(OF_EVENT[Event.RESOLVED], "Alerts are over.")
    declare_event(ACKNOWLEDGED, "Somebody acknowledged an alert.")


def payloads_of(rule: AlertRule, alerts: Iterable[Alert]) -> Iterator[dict[str, Any]]:
    """Messages on alerts of one rule: keys, words and figures; of people nothing.

    Each has so many alerts, and so many bytes, at most.
    """
    told: list[dict[str, Any]] = []
    size = 0
    for one in map(_told, alerts):
        length = len(json.dumps(one, cls=DjangoJSONEncoder, ensure_ascii=False).encode())
        if told and (len(told) == MOST_ALERTS or size + length > MOST_BYTES):
            yield _payload(rule, told)
            told, size = [], 0
        told.append(one)
        size += length
    if told:
        yield _payload(rule, told)


def _payload(rule: AlertRule, told: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "alert_rule_id": rule.pk,
        "rule": rule.name,
        "dataset_id": rule.dataset_id,
        "alerts": told,
    }


def _told(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.pk,
        "anomaly_id": alert.anomaly_id,
        "kind": alert.kind,
        "group": alert.group_values,
        "severity": alert.severity,
        "status": alert.status,
        "count": alert.count,
        "first_seen_at": alert.first_seen_at,
        "last_seen_at": alert.last_seen_at,
        "resolved_at": alert.resolved_at,
    }
