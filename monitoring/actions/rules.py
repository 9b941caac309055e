"""Making, changing and removing rules, each checked whole before it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypedDict, Unpack
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from database.actor import acting_as_system
from jobs.moments import database_now
from monitoring.actions import mail_domains
from monitoring.actions.alerting import earliest, when_to_tell
from monitoring.actions.alerting_by_hand import finish
from monitoring.errors import NotNow
from monitoring.errors_of_alerts import RuleRefused
from monitoring.models import Alert, AlertRule, AlertStatus, Dataset, RuleState
from monitoring.rules import SEVERITIES, NotADefinition, Problem, parse

log = structlog.get_logger(__name__)

LONGEST_NAME: Final = 255
_DAY: Final = 86_400
# Seconds, from and to; as the database has them.
TIMES: Final = {
    "group_wait_seconds": (0, 3600),
    "group_interval_seconds": (0, _DAY),
    "repeat_seconds": (60, 31 * _DAY),
    "escalate_seconds": (60, 31 * _DAY),
}
_TELLING: Final = frozenset({"actions", *TIMES})


class Fields(TypedDict, total=False):
    """What a rule is made of; what is left out takes its default, or stays."""

    name: str
    condition: dict[str, Any]
    actions: list[dict[str, Any]]
    severity: str
    group_wait_seconds: int
    group_interval_seconds: int
    repeat_seconds: int
    escalate_seconds: int | None


@transaction.atomic
def make(dataset_id: UUID, *, by: User, **fields: Unpack[Fields]) -> AlertRule:
    """Make a rule for a dataset; it looks at what comes from now on. RuleRefused; NotNow."""
    dataset = Dataset.objects.filter(pk=dataset_id, is_active=True).first()
    if dataset is None:
        raise NotNow(f"There is no active dataset {dataset_id}.")
    values: dict[str, Any] = {"actions": [], "severity": SEVERITIES[2], **fields}
    for name in ("name", "condition"):
        values.setdefault(name, None)
    rule = AlertRule(dataset=dataset, user_id=dataset.user_id, created_by=by, **_checked(values))
    # By the clock that says when samples were placed, however wrong this machine's is.
    rule.watched_from = database_now()
    rule.save(force_insert=True)
    record("alert_rule.made", by=by, subject=rule, after=_told(rule))
    log.info("alert rule made", rule_id=str(rule.pk), user_id=str(by.pk))
    return rule


@transaction.atomic
def change(rule_id: UUID, *, by: User, **fields: Unpack[Fields]) -> AlertRule:
    """Change a rule. Its open alerts stay open, and are judged by the new condition.

    Where ``group_by`` changes there are other groups: what is open under the old ones is resolved.
    """
    rule = _locked(rule_id)
    before = _told(rule)
    grouped = _groups(rule)
    for name, value in _checked(dict(fields)).items():
        setattr(rule, name, value)
    if not _TELLING.isdisjoint(fields):  # what is open may be due at another moment
        rule.notify_at = earliest(rule.notify_at, when_to_tell(rule, timezone.now()))
    rule.save(update_fields=[*fields, "notify_at"])
    if grouped != _groups(rule):
        _end_all(rule, note="The rule groups its samples in another way now.", by=by)
    elif "condition" in fields:
        _unlearn(rule)
    after = _told(rule)
    changed = sorted(name for name in after if before[name] != after[name])
    record(
        "alert_rule.changed",
        by=by,
        subject=rule,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )
    return rule


@transaction.atomic
def switch(rule_id: UUID, *, on: bool, by: User) -> AlertRule:
    """Switch a rule on or off; off, its open alerts are resolved, and it forgets what it saw.

    What was placed while it was off is not looked at when it is on again.
    """
    rule = _locked(rule_id)
    if rule.is_active == on:
        return rule
    rule.is_active = on
    if on:
        rule.watched_from = database_now()
    rule.save(update_fields=["is_active", "watched_from"])
    if not on:
        _end_all(rule, note="The rule was switched off.", by=by)
    record(
        "alert_rule.changed",
        by=by,
        subject=rule,
        before={"is_active": not on},
        after={"is_active": on},
    )
    return rule


@transaction.atomic
def remove(rule_id: UUID, *, by: User) -> None:
    """Remove a rule that never raised an alert; NotNow for others, which are switched off."""
    rule = _locked(rule_id)
    if Alert.objects.filter(alert_rule=rule).exists():
        raise NotNow("The rule has raised alerts, which stay. Switch it off instead.")
    record("alert_rule.removed", by=by, subject=rule, before=_told(rule))
    rule.delete()


def end_alerts_of(dataset: Dataset, *, note: str, by: User) -> None:
    """Resolve what is open of a dataset that is put away; in the caller's transaction.

    Its rules stay as they are, forget what they saw, and look on when it is used again.
    """
    locked = AlertRule.objects.select_for_update(no_key=True).filter(dataset=dataset)
    for rule in locked.order_by("pk"):
        ended = _end_all(rule, note=note, by=by)
        if ended:
            record(
                "alert_rule.evaluated",
                by=by,
                subject=rule,
                details={"opened": 0, "resolved": ended, "because": note},
            )


def _locked(rule_id: UUID) -> AlertRule:
    rule = AlertRule.objects.select_for_update(no_key=True).filter(pk=rule_id).first()
    if rule is None:
        raise NotNow(f"There is no rule {rule_id}.")
    return rule


def _end_all(rule: AlertRule, *, note: str, by: User) -> int:
    """Resolve the open alerts, and forget what was seen; how many were open."""
    alerts = Alert.objects.select_for_update(no_key=True).filter(alert_rule=rule)
    ended = 0
    for alert in alerts.exclude(status=AlertStatus.RESOLVED):
        finish(alert, note=note, by=by)
        ended += 1
    with acting_as_system():
        RuleState.objects.filter(alert_rule=rule).delete()
    rule.notify_at = timezone.now()
    rule.save(update_fields=["notify_at"])
    return ended


def _unlearn(rule: AlertRule) -> None:
    """The verdicts on the last samples are those of other comparisons; the windows stay."""
    with acting_as_system():
        rows = list(RuleState.objects.filter(alert_rule=rule))
        for row in rows:
            row.state = row.state | {"told": []}
        RuleState.objects.bulk_update(rows, ["state"], 1000)


def _groups(rule: AlertRule) -> tuple[str, ...]:
    try:
        return parse(rule.condition).group_by
    except NotADefinition:
        return ()


def _told(rule: AlertRule) -> dict[str, Any]:
    """As the audit log has it; addresses are people's."""
    said = {name: getattr(rule, name) for name in ("name", "condition", "severity", *TIMES)}
    kinds = [one.get("type") for one in rule.actions if isinstance(one, dict)]
    said |= {"actions": [str(kind) for kind in kinds], "dataset": str(rule.dataset_id)}
    return {name: _without_floats(value) for name, value in said.items()}


def _without_floats(value: Any) -> Any:
    """A value as the audit log takes it: such numbers as text."""
    if isinstance(value, dict):
        return {key: _without_floats(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_floats(part) for part in value]
    return repr(value) if isinstance(value, float) else value


# --- Checks ---------------------------------------------------------------------------------------


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    wrong: dict[str, list[Problem]] = {}
    readers: dict[str, Callable[[object], object]] = {
        "condition": parse,
        "actions": mail_domains.check,
    }
    for name, reader in readers.items():
        if name in values:
            try:
                reader(values[name])
            except NotADefinition as error:
                wrong[name] = error.problems
    if "name" in values:
        values["name"] = " ".join(str(values["name"] or "").split())
        if not 1 <= len(values["name"]) <= LONGEST_NAME:
            sentence = f"A rule has a name of 1 to {LONGEST_NAME} characters."
            wrong["name"] = [Problem("$", sentence)]
    if "severity" in values and values["severity"] not in SEVERITIES[1:]:
        wrong["severity"] = [Problem("$", f"It is one of {', '.join(SEVERITIES[1:])}.")]
    for name, (least, most) in TIMES.items():
        if name in values and not _fits(name, values[name], least, most):
            sentence = f"It is a whole number of seconds from {least} to {most}."
            wrong[name] = [Problem("$", sentence)]
    if wrong:
        raise RuleRefused(wrong)
    return values


def _fits(name: str, value: object, least: int, most: int) -> bool:
    if value is None:
        return name == "escalate_seconds"
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
