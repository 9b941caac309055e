"""The engine of alerts: what a batch of samples, or the passing of time, means for each rule.

A rule sees a batch once, in a transaction of its own in which its row is locked: any number of
workers may evaluate at the same time, and none opens an alert that another has opened.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import Error, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from audit.recording import record
from database.actor import acting_as_system
from jobs.moments import database_now
from monitoring.actions import alerting_samples
from monitoring.actions.alerting_ledger import Ledger, Seen, as_values
from monitoring.actions.saving import save_each
from monitoring.models import (
    AlertRule,
    Analysis,
    AnalysisStatus,
    AnalysisType,
    RuleEvaluation,
    RuleState,
)
from monitoring.rules import (
    Definition,
    GroupState,
    GroupValues,
    NoData,
    NotADefinition,
    Phase,
    group_of,
    on_sample,
    on_tick,
    parse,
)

log = structlog.get_logger(__name__)

# Groups that a rule tells apart; samples of further ones share a group of that name.
MOST_GROUPS: Final = 10_000
OTHERS: Final = "(others)"
# A group that nothing is known to be wrong with is forgotten after so long.
FORGOTTEN_AFTER: Final = timedelta(days=30)
# Analyses that ended longer ago are not looked for each minute.
CATCH_UP: Final = timedelta(days=7)
_AT_ONCE: Final = 1000


@dataclass(slots=True)
class Outcome:
    """What came of it: ``refused`` are sentences by rule that could not be evaluated."""

    batches: int = 0
    rules: int = 0
    samples: int = 0
    opened: int = 0
    resolved: int = 0
    busy: int = 0
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, other: Outcome) -> None:
        """Count the other's in."""
        for name in ("batches", "rules", "samples", "opened", "resolved", "busy"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.refused |= other.refused


# --- A batch of samples ---------------------------------------------------------------------------


def evaluate(
    dataset_id: UUID,
    seen: Sequence[Seen],
    *,
    batch: UUID,
    rules: Sequence[UUID] | None = None,
    waits: bool = True,
) -> Outcome:
    """Show the samples of a batch, in order, to these rules, or to every active one of the dataset.

    ``batch`` is the key of the analysis: a rule that has seen it does not see it again. ``waits``:
    for a rule that another worker is at; else it counts as busy, and the catch-up returns to it.
    """
    outcome = Outcome(batches=1)
    with acting_as_system():
        active = AlertRule.objects.filter(dataset_id=dataset_id, is_active=True)
        if rules is not None:
            active = active.filter(pk__in=rules)
        for key in active.order_by("pk").values_list("pk", flat=True):
            outcome.add(_guarded(key, lambda key=key: _see(key, seen, batch, waits=waits)))
    return outcome


def evaluate_analysis(analysis_id: UUID, *, waits: bool = True) -> Outcome:
    """The same with the samples that a completed analysis has placed."""
    with acting_as_system():
        placed = Analysis.objects.filter(
            pk=analysis_id, analysis_type=AnalysisType.PLACE, status=AnalysisStatus.COMPLETED
        )
        analysis = alerting_samples.with_maps(placed).first()
        rules = [] if analysis is None else _unseen(analysis)
        if analysis is None or not rules:
            return Outcome()
        keys = [rule.pk for rule in rules]
        try:
            seen = alerting_samples.of_analysis(analysis, ratios=any(map(_looks_at_ratio, rules)))
        except Exception as error:  # rows that plain SQL wrote; those of others are to be seen
            log.exception("samples could not be shown to rules", analysis=str(analysis.pk))
            return _unreadable(keys, analysis, error)
        return evaluate(analysis.dataset_id, seen, batch=analysis.pk, rules=keys, waits=waits)


def _unreadable(rules: Sequence[UUID], analysis: Analysis, error: Exception) -> Outcome:
    """Each rule says that it was shown nothing, and why."""
    sentence = (
        f"The samples of analysis {analysis.pk} cannot be read ({type(error).__name__}: {error})."
        " Compare monitor_data and the map with their documentation."
    )[:2000].replace("\x00", "")
    AlertRule.objects.filter(pk__in=rules).update(last_error=sentence)
    return Outcome(refused={str(key): sentence for key in rules})


def _unseen(analysis: Analysis) -> list[AlertRule]:
    """Active rules of the analysis's dataset that have not seen it, and were on when it ended."""
    seen = RuleEvaluation.objects.filter(alert_rule=OuterRef("pk"), analysis_id=analysis.pk)
    rules = AlertRule.objects.filter(
        dataset_id=analysis.dataset_id,
        is_active=True,
        watched_from__lte=analysis.completed_at or analysis.created_at,
    )
    return list(rules.exclude(Exists(seen)).order_by("pk"))


def _looks_at_ratio(rule: AlertRule) -> bool:
    try:
        return parse(rule.condition).looks_at("ratio")
    except NotADefinition:
        return False


@transaction.atomic
def _see(rule_id: UUID, seen: Sequence[Seen], batch: UUID, *, waits: bool) -> Outcome:
    rule = _locked(rule_id, waits=waits)
    if rule is None:
        return Outcome(busy=1)
    if not rule.dataset.is_active:  # put away in this moment
        return Outcome()
    if RuleEvaluation.objects.filter(alert_rule=rule, analysis_id=batch).exists():
        return Outcome()
    definition = _definition(rule)
    ledger = Ledger.of(rule)
    groups = [group_of(one.sample, definition.group_by) for one in seen]
    states = _States.of(rule, groups)
    for one, group in zip(seen, groups, strict=True):
        key, state = states.at(group)
        for change in on_sample(definition, state, one.sample):
            ledger.apply(key, change, one)
    states.save()
    _close(rule, ledger, batch=batch)
    RuleEvaluation.objects.create(
        alert_rule=rule,
        user_id=rule.user_id,
        analysis_id=batch,
        sample_count=len(seen),
        opened_count=ledger.opened,
    )
    return Outcome(rules=1, samples=len(seen), opened=ledger.opened, resolved=ledger.resolved)


# --- Time -----------------------------------------------------------------------------------------


def catch_up(*, since: timedelta = CATCH_UP, limit: int = 1000) -> list[UUID]:
    """Analyses of the last days that some rule has not seen, oldest first."""
    seen = RuleEvaluation.objects.filter(
        alert_rule=OuterRef("pk"), analysis_id=OuterRef(OuterRef("pk"))
    )
    rules = AlertRule.objects.filter(
        dataset=OuterRef("dataset"), is_active=True, watched_from__lte=OuterRef("completed_at")
    ).exclude(Exists(seen))
    rows = Analysis.objects.filter(
        Exists(rules),
        dataset__is_active=True,
        analysis_type=AnalysisType.PLACE,
        status=AnalysisStatus.COMPLETED,
        completed_at__gte=database_now() - since,
    )
    return list(rows.order_by("completed_at", "pk").values_list("pk", flat=True)[:limit])


def timed_rules() -> list[UUID]:
    """Active rules; those to which time means nothing are left at once."""
    rules = AlertRule.objects.filter(is_active=True, dataset__is_active=True)
    return list(rules.order_by("pk").values_list("pk", flat=True))


def pass_time(rule_id: UUID, now: datetime) -> Outcome:
    """Let time pass for a rule: what lasts becomes active, and silences are noticed."""
    with acting_as_system():
        return _guarded(rule_id, lambda: _pass_time(rule_id, now))


@transaction.atomic
def _pass_time(rule_id: UUID, now: datetime) -> Outcome:
    rule = _locked(rule_id, waits=False)
    if rule is None:
        return Outcome(busy=1)
    if not rule.dataset.is_active:  # put away in this moment
        return Outcome()
    definition = _definition(rule)
    if not _is_timed(definition):
        return Outcome()
    if definition.no_data != NoData.ALERT:
        old = RuleState.objects.filter(alert_rule=rule, phase=Phase.INACTIVE)
        old.filter(updated_at__lt=now - FORGOTTEN_AFTER).delete()
    states = _States.all(rule)
    if not states.rows and not definition.group_by:
        states.at(())  # a machine that never sent anything is silent, too
    ledger = Ledger.of(rule)
    for group, state in list(states.states.items()):
        for change in on_tick(definition, state, now):
            ledger.apply(group, change)
    states.save()
    _close(rule, ledger)
    return Outcome(rules=1, opened=ledger.opened, resolved=ledger.resolved)


def _is_timed(definition: Definition) -> bool:
    spans = (definition.lasting, definition.calm, *definition.windows)
    return (
        definition.tells_silence
        or definition.no_data != NoData.KEEP
        or any(span.seconds is not None for span in spans)
    )


# --- Parts ----------------------------------------------------------------------------------------


class _Refused(Exception):
    """The rule, as it is written, cannot be evaluated."""


def _guarded(rule_id: UUID, work: Any) -> Outcome:
    """Do the work; a rule that cannot be evaluated says so, and the others go on."""
    try:
        outcome: Outcome = work()
    except Exception as error:  # of this rule alone, whatever it is
        sentence = str(error).strip()
        if not isinstance(error, (_Refused, Error)):
            sentence = f"The rule could not be evaluated ({type(error).__name__}: {sentence})."
        sentence = sentence[:2000].replace("\x00", "")
        log.warning(
            "an alert rule could not be evaluated",
            rule=str(rule_id),
            error=sentence,
            exc_info=not isinstance(error, _Refused),
        )
        AlertRule.objects.filter(pk=rule_id).update(last_error=sentence)
        return Outcome(refused={str(rule_id): sentence})
    return outcome


def _locked(rule_id: UUID, *, waits: bool) -> AlertRule | None:
    rules = AlertRule.objects.select_for_update(no_key=True, skip_locked=not waits)
    return rules.filter(pk=rule_id, is_active=True).first()


def _definition(rule: AlertRule) -> Definition:
    try:
        return parse(rule.condition)
    except NotADefinition as error:
        raise _Refused(f"The rule cannot be read. {error}") from None


def _close(rule: AlertRule, ledger: Ledger, *, batch: UUID | None = None) -> None:
    """Write the alerts, say when somebody is to be told, and record it."""
    ledger.save()
    fields = []
    if ledger.tells:
        fields.append("notify_at")
        rule.notify_at = earliest(rule.notify_at, when_to_tell(rule, timezone.now()))
    if rule.last_error:
        fields.append("last_error")
        rule.last_error = ""
    if fields:
        rule.save(update_fields=fields)
    if ledger.opened or ledger.resolved:
        record(
            "alert_rule.evaluated",
            subject=rule,
            details={
                "opened": ledger.opened,
                "resolved": ledger.resolved,
                "analysis": str(batch) if batch else None,
            },
        )


def when_to_tell(rule: AlertRule, now: datetime) -> datetime:
    """What happened now is told after the wait, and not too soon after what was told last."""
    wait = now + timedelta(seconds=rule.group_wait_seconds)
    if rule.last_notified_at is None:
        return wait
    return max(wait, rule.last_notified_at + timedelta(seconds=rule.group_interval_seconds))


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of those that there are."""
    return min((one for one in moments if one is not None), default=None)


def group_key(group: GroupValues) -> str:
    """The key of a group in ``alert_rule_states``."""
    text = json.dumps(dict(group), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _States:
    """The states of a rule's groups, as rows and as the evaluator has them."""

    def __init__(self, rule: AlertRule, rows: Iterable[RuleState]) -> None:
        self.rule = rule
        self.rows = {as_values(row.group_values): row for row in rows}
        self.states = {group: GroupState.from_json(row.state) for group, row in self.rows.items()}
        self.known: int | None = None

    @classmethod
    def all(cls, rule: AlertRule) -> _States:
        return cls(rule, RuleState.objects.filter(alert_rule=rule))

    @classmethod
    def of(cls, rule: AlertRule, groups: Iterable[GroupValues]) -> _States:
        """Of these groups, and of that of the others."""
        found = set(groups)
        keys = [group_key(group) for group in found | {_others(group) for group in found}]
        rows = RuleState.objects.filter(alert_rule=rule, group_key__in=keys)
        return cls(rule, rows)

    def at(self, group: GroupValues) -> tuple[GroupValues, GroupState]:
        """The group's state, under the name that the group has here."""
        group = tuple(sorted(group))
        if group not in self.states:
            if self.known is None:
                stored = RuleState.objects.filter(alert_rule=self.rule).count()
                self.known = stored + len(self.states) - len(self.rows)
            if self.known >= MOST_GROUPS and _others(group) != group:
                return self.at(_others(group))
            self.known += 1
            self.states[group] = GroupState()
        return group, self.states[group]

    def save(self) -> None:
        """Write what differs; that a moment was looked at is no difference."""
        new, changed = [], []
        for group, state in self.states.items():
            said, row = state.as_json(), self.rows.get(group)
            if row is None:
                new.append(
                    RuleState(
                        alert_rule=self.rule,
                        user_id=self.rule.user_id,
                        group_key=group_key(group),
                        group_values=dict(group),
                        phase=state.phase,
                        state=said,
                    )
                )
            elif said | {"at": None} != row.state | {"at": None}:
                row.phase, row.state = state.phase, said
                changed.append(row)
        RuleState.objects.bulk_create(new, _AT_ONCE)
        save_each(changed, ("phase", "state"))


def _others(group: GroupValues) -> GroupValues:
    return tuple(sorted((key, OTHERS) for key, _ in group))
