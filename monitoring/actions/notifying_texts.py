"""What a letter on alerts says: plain text, with the features that say why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from monitoring.models import Alert, AlertKind, AlertRule, AlertStatus
from monitoring.rules import SEVERITIES
from monitoring.rules.telling import Event

# What a letter names one by one; of the rest it says how many there are.
MOST_NAMED: Final = 25
_MOST_FEATURES: Final = 3
_LONGEST_SUBJECT: Final = 200

_VERBS: Final = {
    Event.FIRED: "New",
    Event.WORSENED: "More severe",
    Event.REPEATED: "Still active, and acknowledged by nobody",
    Event.ESCALATED: "Escalated: acknowledged by nobody",
    Event.RESOLVED: "Over",
}
Told = tuple[Event, Alert]


def subject(rule: AlertRule, told: Sequence[Told]) -> str:
    """``[critical] Press 4: Vibration: 3 new, 1 over``."""
    worst = max((alert.severity for _, alert in told), key=SEVERITIES.index)
    counts = Counter(event for event, _ in told)
    what = ", ".join(f"{counts[event]} {_short(event)}" for event in Event if counts[event])
    return _line(f"[{worst}] {rule.dataset.name}: {rule.name}: {what}")[:_LONGEST_SUBJECT]


def body(rule: AlertRule, told: Sequence[Told]) -> str:
    """Every alert in a few lines, the worst first."""
    parts = [
        f"The rule “{_line(rule.name)}” of the dataset “{_line(rule.dataset.name)}” has something"
        " to tell."
    ]
    for event in Event:
        alerts = [alert for one, alert in told if one == event]
        if not alerts:
            continue
        alerts.sort(key=lambda alert: (-SEVERITIES.index(alert.severity), alert.first_seen_at))
        parts.append(f"{_VERBS[event]}:")
        parts += [_paragraph(alert) for alert in alerts[:MOST_NAMED]]
        if len(alerts) > MOST_NAMED:
            parts.append(f"  … and {len(alerts) - MOST_NAMED} more.")
    return "\n\n".join(parts)


def _line(text: str) -> str:
    """On one line, whatever a file or plain SQL put into a name: no letter says more than we do."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())


def _short(event: Event) -> str:
    return {
        Event.FIRED: "new",
        Event.WORSENED: "worse",
        Event.REPEATED: "still active",
        Event.ESCALATED: "escalated",
        Event.RESOLVED: "over",
    }[event]


def _paragraph(alert: Alert) -> str:
    lines = [f"  {alert.severity}: {_group(alert)}{_history(alert)}"]
    if alert.kind == AlertKind.NO_DATA:
        lines.append("    No samples have come for longer than the rule allows.")
    if why := _why(alert.data):
        lines.append(f"    {why}")
    if link := _link(alert):
        lines.append(f"    {link}")
    return "\n".join(lines)


def _group(alert: Alert) -> str:
    said = ", ".join(
        _line(f"{key.removeprefix('meta.')} {value or '(none)'}")
        for key, value in sorted(alert.group_values.items())
    )
    return f"{said}, " if said else ""


def _history(alert: Alert) -> str:
    began = f"since {_moment(alert.first_seen_at)}"
    if alert.status == AlertStatus.RESOLVED and alert.resolved_at is not None:
        began = f"from {_moment(alert.first_seen_at)} to {_moment(alert.resolved_at)}"
    return began if alert.count == 1 else f"{began}, seen {alert.count} times"


def _why(data: Any) -> str:
    """The features that deviate most, as the anomaly that opened the alert had them."""
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list):
        return ""
    words = [
        _line(f"{one.get('name')} {one['deviation']:+.1f} sd")
        for one in features[:_MOST_FEATURES]
        if isinstance(one, dict) and isinstance(one.get("deviation"), (int, float))
    ]
    return f"Farthest from healthy: {', '.join(words)}" if words else ""


def _moment(moment: Any) -> str:
    return f"{timezone.localtime(moment):%-d %b %Y %H:%M:%S %Z}"


def _link(alert: Alert) -> str:
    try:
        path = reverse("admin:monitoring_alert_change", args=[alert.pk])
    except NoReverseMatch:
        return ""
    return f"{settings.SITE_URL}{path}"
