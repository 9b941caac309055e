"""Telling people and systems of alerts: in time, once, and not too often.

What is to be told is read from how the alerts stand, never from a list of things that happened: so
a round that fails is made up for by the next one. The rule's row is locked in a round, and
``alert_notifications`` holds each alert, action and event once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from database.actor import acting_as_system
from monitoring import alert_events
from monitoring.actions import notifying_texts
from monitoring.actions.alerting import earliest
from monitoring.actions.saving import save_each
from monitoring.models import (
    Alert,
    AlertLetter,
    AlertNotification,
    AlertRule,
    AlertSilence,
    AlertStatus,
)
from monitoring.rules import SEVERITIES, NotADefinition
from monitoring.rules.silencing import parse_matchers
from monitoring.rules.telling import Action, Event, parse_actions
from webhooks.actions import emit_each

log = structlog.get_logger(__name__)

_TOLD: Final = (
    "told_at",
    "first_told_at",
    "told_severity",
    "told_repeats",
    "escalated_at",
    "resolution_told",
    "muted",
)
_ROWS: Final = 1000


@dataclass(slots=True)
class Round:
    """What was told: ``letters`` to people, ``messages`` to other systems, of how many alerts."""

    rules: int = 0
    alerts: int = 0
    letters: int = 0
    messages: int = 0
    muted: int = 0
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, other: Round) -> None:
        """Count the other's in."""
        for name in ("rules", "alerts", "letters", "messages", "muted"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.refused |= other.refused


def due(now: datetime | None = None) -> list[UUID]:
    """Rules that may have something to tell, longest waiting first; one look into an index."""
    rows = AlertRule.objects.filter(notify_at__lte=now or timezone.now())
    return list(rows.order_by("notify_at", "pk").values_list("pk", flat=True))


def tell(now: datetime | None = None) -> Round:
    """Tell of everything that is due; rules that another worker is at are left to it."""
    told = Round()
    with acting_as_system():
        for key in due(now):
            try:
                told.add(tell_of(key, now or timezone.now()))
            except Exception as error:  # of this rule alone; it stays due
                log.exception("alerts could not be told", rule=str(key))
                told.refused[str(key)] = str(error).strip()[:2000]
    return told


@transaction.atomic
def tell_of(rule_id: UUID, now: datetime) -> Round:
    """Tell of one rule's alerts, as far as it is due."""
    rule = (
        AlertRule.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("dataset")
        .filter(pk=rule_id, notify_at__lte=now)
        .first()
    )
    if rule is None:
        return Round()
    try:
        actions = parse_actions(rule.actions)
    except NotADefinition as error:
        return _put_off(rule, f"Nobody can be told: the actions cannot be read. {error}", now)
    alerts = list(
        Alert.objects.select_for_update(no_key=True)
        .filter(~Q(status=AlertStatus.RESOLVED) | Q(resolution_told=False), alert_rule=rule)
        .order_by("pk")
    )
    mutes = _Mutes.of(rule, alerts, now)
    told: list[notifying_texts.Told] = []
    for alert in alerts:
        alert.muted = mutes.reason(alert)
        events = [] if alert.muted else list(events_of(rule, alert, now))
        told += [(event, alert) for event in events]
        _note(alert, events, now)
    result = _send(rule, actions, told)
    result.muted = sum(bool(alert.muted) for alert in alerts)
    save_each(alerts, _TOLD)
    rule.notify_at = earliest(*(_next(rule, alert, mutes, now) for alert in alerts))
    if told:
        rule.last_notified_at = now
    rule.save(update_fields=["notify_at", "last_notified_at"])
    return result


def _put_off(rule: AlertRule, sentence: str, now: datetime) -> Round:
    """Nothing is told, and nothing counts as told, until the rule can be read again."""
    rule.last_error, rule.notify_at = sentence[:2000], now + _pause(rule)
    rule.save(update_fields=["last_error", "notify_at"])
    log.error("an alert rule's actions cannot be read", rule=str(rule.pk))
    return Round(refused={str(rule.pk): sentence})


def _pause(rule: AlertRule) -> timedelta:
    return timedelta(seconds=max(rule.group_interval_seconds, 60))


# --- What is to be told ---------------------------------------------------------------------------


def events_of(rule: AlertRule, alert: Alert, now: datetime) -> Iterator[Event]:
    """What of the alert has not been told yet.

    One that has ended before anybody was told is told of all the same, as new and over at once.
    """
    if alert.told_severity is None:
        yield Event.FIRED
        return
    if alert.status == AlertStatus.RESOLVED:
        yield Event.RESOLVED
        return
    if _rank(alert.severity) > _rank(alert.told_severity):
        yield Event.WORSENED
    elif _reaches(_repeats_at(rule, alert), now):
        yield Event.REPEATED
    if _reaches(_escalates_at(rule, alert), now):
        yield Event.ESCALATED


def _note(alert: Alert, events: Sequence[Event], now: datetime) -> None:
    """That these were told; what has ended is settled, told or never begun for those who listen.

    Whoever was told that it began is told that it is over, if only after the silence.
    """
    waits = alert.muted and alert.told_severity is not None
    alert.resolution_told = alert.status == AlertStatus.RESOLVED and not waits
    if not events:
        return
    alert.told_at = now
    alert.first_told_at = alert.first_told_at or now
    alert.told_severity = alert.severity
    alert.told_repeats += Event.REPEATED in events
    if Event.ESCALATED in events:
        alert.escalated_at = now


def _repeats_at(rule: AlertRule, alert: Alert) -> datetime | None:
    """Only what is active, and seen by nobody, is told again."""
    if alert.phase != AlertStatus.ACTIVE or alert.told_at is None:
        return None
    return alert.told_at + timedelta(seconds=rule.repeat_seconds)


def _escalates_at(rule: AlertRule, alert: Alert) -> datetime | None:
    waits = rule.escalate_seconds is not None and alert.escalated_at is None
    if not waits or alert.status != AlertStatus.ACTIVE or alert.first_told_at is None:
        return None
    return alert.first_told_at + timedelta(seconds=rule.escalate_seconds or 0)


def _next(rule: AlertRule, alert: Alert, mutes: _Mutes, now: datetime) -> datetime | None:
    """When the alert may have something to tell again, if nothing happens to it."""
    if alert.status == AlertStatus.RESOLVED and alert.resolution_told:
        return None
    if alert.muted:
        return mutes.until(alert) or now + _pause(rule)
    return earliest(_repeats_at(rule, alert), _escalates_at(rule, alert))


def _reaches(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)


# --- What keeps it quiet --------------------------------------------------------------------------


@dataclass(slots=True)
class _Mutes:
    """Silences in force, and the groups in which something critical is open."""

    rule: AlertRule
    silences: list[AlertSilence]
    critical: set[str]

    @classmethod
    def of(cls, rule: AlertRule, alerts: Sequence[Alert], now: datetime) -> _Mutes:
        if not alerts:
            return cls(rule, [], set())
        silences = AlertSilence.objects.filter(
            dataset_id=rule.dataset_id, starts_at__lte=now, ends_at__gt=now
        )
        critical = Alert.objects.filter(dataset_id=rule.dataset_id, severity=SEVERITIES[-1])
        groups = critical.exclude(status=AlertStatus.RESOLVED).values_list("group_values")
        return cls(rule, list(silences.order_by("pk")), {_text(group) for (group,) in groups})

    def reason(self, alert: Alert) -> str:
        """``silence``, ``inhibition`` or nothing."""
        if self._silences(alert):
            return "silence"
        if alert.severity != SEVERITIES[-1] and _text(alert.group_values) in self.critical:
            return "inhibition"
        return ""

    def until(self, alert: Alert) -> datetime | None:
        """When the last of the silences on it ends."""
        return max((silence.ends_at for silence in self._silences(alert)), default=None)

    def _silences(self, alert: Alert) -> list[AlertSilence]:
        said = {"severity": alert.severity, "rule": self.rule.name, **alert.group_values}
        return [silence for silence in self.silences if _matches(silence, said)]


def _text(group: dict[str, str]) -> str:
    """A group as it is looked for among thousands."""
    return json.dumps(group, sort_keys=True)


def _matches(silence: AlertSilence, said: dict[str, str]) -> bool:
    """A silence that cannot be read keeps nothing quiet."""
    try:
        return all(matcher.matches(said) for matcher in parse_matchers(silence.matchers))
    except NotADefinition as error:
        log.warning("a silence cannot be read", silence=str(silence.pk), error=str(error))
        return False


# --- Whom -----------------------------------------------------------------------------------------


def _send(
    rule: AlertRule, actions: Sequence[Action], told: Sequence[notifying_texts.Told]
) -> Round:
    """Queue letters and messages, each alert, action and event once."""
    result = Round(rules=1, alerts=len({alert.pk for _, alert in told}))
    done = set(
        AlertNotification.objects.filter(alert__in={alert.pk for _, alert in told}).values_list(
            "alert_id", "action", "event"
        )
    )
    for key, chosen in _by_action(actions, told):
        fresh = [one for one in chosen if (one[1].pk, key, _word(*one)) not in done]
        if not fresh:
            continue
        letter = None
        if key == "webhook":
            result.messages += _emit(rule, fresh)
        else:
            letter = _write(rule, key.removeprefix("email:"), fresh)
            result.letters += 1
        AlertNotification.objects.bulk_create(
            (
                AlertNotification(
                    alert=alert,
                    user_id=alert.user_id,
                    action=key,
                    event=_word(event, alert),
                    letter_id=letter,
                )
                for event, alert in fresh
            ),
            _ROWS,
        )
    return result


def _by_action(
    actions: Iterable[Action], told: Sequence[notifying_texts.Told]
) -> Iterator[tuple[str, list[notifying_texts.Told]]]:
    """What each is told; an address that stands in two actions is told what either says."""
    by_key: dict[str, list[Action]] = {}
    for action in actions:
        by_key.setdefault(action.key, []).append(action)
    for key, same in by_key.items():
        yield (
            key,
            [
                (event, alert)
                for event, alert in told
                if any(action.wants(event, _rank(alert.severity)) for action in same)
            ],
        )


def _word(event: Event, alert: Alert) -> str:
    """The event as the log has it: what may come again differs each time."""
    match event:
        case Event.WORSENED:
            return f"{event}:{alert.severity}"
        case Event.REPEATED:
            return f"{event}:{alert.told_repeats}"
        case _:
            return event.value


def _emit(rule: AlertRule, told: Sequence[notifying_texts.Told]) -> int:
    """Messages to whoever listens; how many events those are."""
    sent = 0
    for event in Event:
        alerts = [alert for one, alert in told if one == event]
        payloads = list(alert_events.payloads_of(rule, alerts))
        emit_each(alert_events.OF_EVENT[event], payloads)
        sent += len(payloads)
    return sent


def _write(rule: AlertRule, address: str, told: Sequence[notifying_texts.Told]) -> UUID:
    [key] = AlertLetter.objects.enqueue_rows(
        alert_rule_id=[rule.pk],
        recipient=[address],
        subject=[notifying_texts.subject(rule, told)],
        body=[notifying_texts.body(rule, told)],
    )
    return key
