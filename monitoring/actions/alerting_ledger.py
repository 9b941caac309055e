"""The alerts of one rule, as a batch of samples or the passing of time changes them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from monitoring.actions.saving import save_each
from monitoring.models import Alert, AlertKind, AlertRule, AlertStatus, Anomaly
from monitoring.rules import SEVERITIES, Change, GroupValues, Sample, What
from monitoring.rules.samples import moment

_CHANGED: Final = (
    "count",
    "last_seen_at",
    "severity",
    "recovering_since",
    "status",
    "resolved_at",
    "resolution_note",
)
_MOST_META: Final = 20
_MOST_FEATURES: Final = 10
_LONGEST_TEXT: Final = 200
_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Seen:
    """A sample, with the key of the anomaly that it is."""

    sample: Sample
    anomaly_id: UUID | None = None


@dataclass(slots=True)
class Ledger:
    """Open alerts by kind and group, and what became of them; the rule's row is locked.

    ``opened`` and ``resolved`` count; ``tells`` whether somebody may have to be told.
    """

    rule: AlertRule
    alerts: dict[tuple[str, GroupValues], Alert] = field(default_factory=dict)
    new: list[Alert] = field(default_factory=list)
    touched: dict[UUID, Alert] = field(default_factory=dict)
    opened: int = 0
    resolved: int = 0
    tells: bool = False

    @classmethod
    def of(cls, rule: AlertRule) -> Ledger:
        """With the rule's open alerts, locked: somebody may be about to acknowledge one."""
        ledger = cls(rule)
        open_ = Alert.objects.select_for_update(no_key=True).filter(alert_rule=rule)
        for alert in open_.exclude(status=AlertStatus.RESOLVED).order_by("pk"):
            ledger.alerts[alert.kind, as_values(alert.group_values)] = alert
        return ledger

    def apply(self, group: GroupValues, change: Change, seen: Seen | None = None) -> None:
        """Write a change of a group down."""
        at = moment(change.at)
        match change.what:
            case What.FIRED | What.SEEN:
                self._seen(group, at, change.points, seen)
            case What.RECOVERING | What.ACTIVE_AGAIN:
                alert = self.alerts.get((AlertKind.CONDITION, group))
                if alert is not None:
                    alert.recovering_since = at if change.what == What.RECOVERING else None
                    # While it recovered nobody was to hear of it again: from now on somebody is.
                    self.tells |= change.what == What.ACTIVE_AGAIN
                    self._touch(alert)
            case What.RESOLVED:
                self._resolve(AlertKind.CONDITION, group, at)
            case What.NO_DATA:
                self._open(AlertKind.NO_DATA, group, at, 1, None)
            case What.DATA_AGAIN:
                self._resolve(AlertKind.NO_DATA, group, at)

    def _seen(self, group: GroupValues, at: datetime, points: int, seen: Seen | None) -> None:
        alert = self.alerts.get((AlertKind.CONDITION, group))
        if alert is None:
            self._open(AlertKind.CONDITION, group, at, points, seen)
            return
        alert.count += points
        alert.last_seen_at = max(alert.last_seen_at, at)
        worse = worst(alert.severity, _severity(self.rule, seen))
        if worse != alert.severity:
            alert.severity, self.tells = worse, True
        self._touch(alert)

    def _open(
        self, kind: str, group: GroupValues, at: datetime, points: int, seen: Seen | None
    ) -> None:
        if (kind, group) in self.alerts:
            return
        alert = Alert(
            alert_rule=self.rule,
            dataset_id=self.rule.dataset_id,
            user_id=self.rule.user_id,
            kind=kind,
            anomaly_id=seen.anomaly_id if seen else None,
            severity=_severity(self.rule, seen),
            group_values=dict(group),
            data=told_of(seen.sample) if seen else {},
            count=points,
            first_seen_at=at,
            last_seen_at=at,
        )
        self.alerts[kind, group] = alert
        self.new.append(alert)
        self.opened += 1
        self.tells = True

    def _resolve(self, kind: str, group: GroupValues, at: datetime) -> None:
        alert = self.alerts.pop((kind, group), None)
        if alert is not None:
            alert.status, alert.resolved_at = AlertStatus.RESOLVED, at
            alert.recovering_since = None
            self.resolved += 1
            self.tells = True
            self._touch(alert)

    def _touch(self, alert: Alert) -> None:
        if not alert._state.adding:
            self.touched[alert.pk] = alert

    def save(self) -> None:
        """Write everything; those that ended before those that begin, of which one may be open."""
        save_each(list(self.touched.values()), _CHANGED)
        features = dict(
            Anomaly.objects.filter(
                pk__in=[alert.anomaly_id for alert in self.new if alert.anomaly_id]
            ).values_list("pk", "features")
        )
        for alert in self.new:
            if alert.anomaly_id in features:
                alert.data["features"] = _abridged(features[alert.anomaly_id])
        Alert.objects.bulk_create(self.new, _AT_ONCE)


def worst(one: str, other: str) -> str:
    """The more severe of two."""
    return max(one, other, key=SEVERITIES.index)


def as_values(said: dict[str, str]) -> GroupValues:
    """A group as the database has it; its keys in order."""
    return tuple(sorted(said.items()))


def told_of(sample: Sample) -> dict[str, Any]:
    """A sample as an alert remembers it, in figures that JSON has."""
    return {
        "at": sample.at.isoformat(),
        "severity": None if sample.severity is None else SEVERITIES[sample.severity],
        "distance": _finite(sample.distance),
        "p_value": _finite(sample.p_value),
        "ratio": _finite(sample.ratio),
        "off_map": sample.off_map,
        "meta": {
            key[:_LONGEST_TEXT]: str(value)[:_LONGEST_TEXT]
            for key, value in list(sample.meta.items())[:_MOST_META]
        },
    }


def _severity(rule: AlertRule, seen: Seen | None) -> str:
    """That of the rule, or of the sample if it is worse."""
    if seen is None or not seen.sample.severity:
        return rule.severity
    return worst(rule.severity, SEVERITIES[seen.sample.severity])


def _abridged(features: Any) -> list[dict[str, Any]]:
    """The features that say why, with names that are not endless."""
    if not isinstance(features, list):
        return []
    return [
        {
            "name": str(one.get("name"))[:_LONGEST_TEXT],
            "value": one.get("value"),
            "deviation": one.get("deviation"),
        }
        for one in features[:_MOST_FEATURES]
        if isinstance(one, dict)
    ]


def _finite(number: float | None) -> float | str | None:
    if number is None or math.isnan(number):
        return None
    return number if math.isfinite(number) else "infinite"
