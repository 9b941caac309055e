"""What people do with alerts: they have seen one, or say that it is over."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from database.actor import acting_as_system
from monitoring import alert_events
from monitoring.actions.alerting import group_key
from monitoring.actions.alerting_ledger import as_values
from monitoring.errors import NotNow
from monitoring.errors_of_alerts import NoteMissing
from monitoring.models import Alert, AlertKind, AlertRule, AlertStatus, RuleState
from monitoring.rules import Phase
from webhooks.actions import emit_each

log = structlog.get_logger(__name__)

LONGEST_NOTE: Final = 2000


@transaction.atomic
def acknowledge(alert_id: UUID, *, by: User) -> Alert:
    """Note who looks after an alert: it is not repeated or escalated any more.

    The first one counts. Should it become more severe, it is told again. NotNow.
    """
    alert = _locked(alert_id)
    if alert.status != AlertStatus.ACTIVE:
        raise NotNow(f"The alert is {alert.get_status_display()} already.")
    alert.status = AlertStatus.ACKNOWLEDGED
    alert.acknowledged_by, alert.acknowledged_at = by, timezone.now()
    alert.save(update_fields=["status", "acknowledged_by", "acknowledged_at"])
    record("alert.acknowledged", by=by, subject=alert, details={"severity": alert.severity})
    rule = AlertRule.objects.get(pk=alert.alert_rule_id)
    emit_each(alert_events.ACKNOWLEDGED, list(alert_events.payloads_of(rule, [alert])))
    log.info("alert acknowledged", alert_id=str(alert_id), user_id=str(by.pk))
    return alert


@transaction.atomic
def resolve(alert_id: UUID, *, note: str, by: User) -> Alert:
    """Say that an alert is over, and why. If its condition goes on holding, a new one begins.

    NotNow for one that is over already; NoteMissing.
    """
    note = note.strip()
    if not 1 <= len(note) <= LONGEST_NOTE:
        raise NoteMissing(f"Say in 1 to {LONGEST_NOTE} characters why the alert is over.")
    # The rule before the alert, as the engine locks them.
    rules = AlertRule.objects.select_for_update(no_key=True)
    rule = rules.filter(pk__in=Alert.objects.filter(pk=alert_id).values("alert_rule")).first()
    alert = _locked(alert_id)
    if rule is None or alert.status == AlertStatus.RESOLVED:
        raise NotNow("The alert is over already.")
    _forget(alert)
    finish(alert, note=note, by=by)
    rule.notify_at = min(rule.notify_at or timezone.now(), timezone.now())
    rule.save(update_fields=["notify_at"])
    record("alert.resolved", by=by, subject=alert, details={"note": note})
    log.info("alert resolved", alert_id=str(alert_id), user_id=str(by.pk))
    return alert


def finish(alert: Alert, *, note: str, by: User) -> None:
    """Write that the alert is over."""
    alert.status = AlertStatus.RESOLVED
    alert.resolved_by, alert.resolved_at, alert.resolution_note = by, timezone.now(), note
    alert.recovering_since = None
    alert.save(
        update_fields=[
            "status",
            "resolved_by",
            "resolved_at",
            "resolution_note",
            "recovering_since",
        ]
    )


def _forget(alert: Alert) -> None:
    """The group begins anew: a machine that was taken away is not missed any longer."""
    key = group_key(as_values(alert.group_values))
    with acting_as_system():
        rows = RuleState.objects.filter(alert_rule_id=alert.alert_rule_id, group_key=key)
        if alert.kind == AlertKind.NO_DATA:
            rows.delete()
            return
        for row in rows:
            state: dict[str, Any] = row.state | {"phase": Phase.INACTIVE.value}
            row.phase, row.state = Phase.INACTIVE, state
            row.save(update_fields=["phase", "state", "updated_at"])


def _locked(alert_id: UUID) -> Alert:
    alert = Alert.objects.select_for_update(no_key=True).filter(pk=alert_id).first()
    if alert is None:
        raise NotNow(f"There is no alert {alert_id}.")
    return alert
