"""The form of a rule: its condition as JSON, checked with the place of each problem, and tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.admin.posting import person, require
from monitoring.actions import rules, rules_history
from monitoring.actions.rules_history import History
from monitoring.admin import shown
from monitoring.admin.posting import as_id, attempted, page
from monitoring.admin.questions import datasets_named
from monitoring.admin.sections import CHANGE_RULES, MAKE_RULES, SEE_RULES
from monitoring.errors import MonitoringError
from monitoring.errors_of_alerts import RuleRefused
from monitoring.models import AlertRule, AnomalySeverity, Dataset
from monitoring.rules import NotADefinition

_LIST: Final = "admin:monitoring_alertrule_changelist"
_METHODS: Final = ("GET", "HEAD", "POST")
_DAYS: Final = (7, 30, 90)
_SHOWN_FIRINGS: Final = 200
_LONGEST_JSON: Final = 100_000
_CONDITION: Final = {
    "condition": {"metric": "severity", "op": "gte", "value": "medium"},
    "for": {"points": 3},
}
_ACTIONS: Final = [{"type": "webhook"}]
# Name, label, what it means; as ``monitoring.actions.rules.TIMES``.
_TIMES: Final = (
    ("group_wait_seconds", "Wait before telling", "So that what comes together is told together."),
    ("group_interval_seconds", "Between two messages", "New alerts of the rule wait so long."),
    ("repeat_seconds", "Repeat every", "While it is active and nobody acknowledges."),
    ("escalate_seconds", "Escalate after", "Nobody has acknowledged for so long; empty: never."),
)
_EXAMPLES: Final = (
    (
        "Three bad samples in a row, each machine by itself",
        {
            "condition": {"metric": "severity", "op": "gte", "value": "medium"},
            "for": {"points": 3},
            "group_by": ["meta.machine"],
        },
    ),
    (
        "A tenth of the last hundred samples is anomalous; over below two in a hundred",
        {
            "condition": {
                "metric": "window.anomaly_pct",
                "op": "gt",
                "value": 10,
                "window": {"points": 100},
            },
            "clear": {
                "metric": "window.anomaly_pct",
                "op": "lt",
                "value": 2,
                "window": {"points": 100},
            },
        },
    ),
    (
        "Nothing came for an hour",
        {
            "condition": {"metric": "severity", "op": "eq", "value": "critical"},
            "no_data": "alert",
            "no_data_after": {"seconds": 3600},
        },
    ),
)


@dataclass(slots=True)
class Said:
    """What the form holds, as text, and what is wrong with it by field."""

    name: str = ""
    dataset: str = ""
    severity: str = "medium"
    condition: str = ""
    actions: str = ""
    times: dict[str, str] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    days: int = 30

    @classmethod
    def of(cls, rule: AlertRule) -> Said:
        """As a rule stands."""
        times = {name: getattr(rule, name) for name, *_ in _TIMES}
        return cls(
            name=rule.name,
            dataset=str(rule.dataset_id),
            severity=rule.severity,
            condition=_pretty(rule.condition),
            actions=_pretty(rule.actions),
            times={name: "" if value is None else str(value) for name, value in times.items()},
        )

    @classmethod
    def new(cls, dataset: str) -> Said:
        """Something that works, to be changed."""
        return cls(
            dataset=dataset,
            condition=_pretty(_CONDITION),
            actions=_pretty(_ACTIONS),
            times={
                "group_wait_seconds": "30",
                "group_interval_seconds": "300",
                "repeat_seconds": "14400",
                "escalate_seconds": "",
            },
        )

    @classmethod
    def posted(cls, said: Mapping[str, str]) -> Said:
        """As it was sent."""
        days = said.get("days", "")
        return cls(
            name=said.get("name", ""),
            dataset=said.get("dataset", ""),
            severity=said.get("severity", ""),
            condition=said.get("condition", ""),
            actions=said.get("actions", ""),
            times={name: said.get(name, "").strip() for name, *_ in _TIMES},
            days=next((one for one in _DAYS if str(one) == days), 30),
        )

    def fields(self) -> dict[str, Any]:
        """As the actions take them; what cannot be read is a problem."""
        made: dict[str, Any] = {"name": self.name, "severity": self.severity}
        for name in ("condition", "actions"):
            made[name] = self._json(name, getattr(self, name))
        for name, text in self.times.items():
            if not text and name == "escalate_seconds":
                made[name] = None
            elif text.isdecimal() and len(text) < 10:
                made[name] = int(text)
            else:
                self.problems.setdefault(name, []).append("It is a whole number of seconds.")
        return made

    def _json(self, name: str, text: str) -> Any:
        if len(text) > _LONGEST_JSON:
            self.problems.setdefault(name, []).append("It is longer than 100,000 characters.")
            return None
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            self.problems.setdefault(name, []).append(f"{where}: {error.msg}.")
        except (RecursionError, ValueError):
            self.problems.setdefault(name, []).append("It is no JSON that can be read.")
        return None

    def refuse(self, error: RuleRefused) -> None:
        """Take the problems over, each with its place."""
        for name, told in error.problems.items():
            self.problems[name] = [str(one) if one.path != "$" else one.sentence for one in told]


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


# --- Views ----------------------------------------------------------------------------------------


@require_http_methods(_METHODS)
def new_view(request: HttpRequest) -> HttpResponse:
    """The form of a rule that there is not yet."""
    require(request, MAKE_RULES)
    if request.method != "POST":
        return _form(request, Said.new(request.GET.get("dataset", "")), None)
    said = Said.posted(request.POST.dict())
    if "try" in request.POST:
        return _form(request, said, None, history=_tried(said))
    fields, key, by = said.fields(), as_id(said.dataset), person(request)
    if key is None:
        said.problems["dataset"] = ["Choose a dataset."]
    if said.problems or key is None:
        return _form(request, said, None)
    try:
        with transaction.atomic():
            rule = rules.make(key, by=by, **fields)
    except RuleRefused as error:
        said.refuse(error)
        return _form(request, said, None)
    except MonitoringError as error:
        said.problems["dataset"] = [str(error)]
        return _form(request, said, None)
    messages.success(request, "The rule looks at every sample from now on.")
    return HttpResponseRedirect(reverse("admin:monitoring_alertrule_change", args=[rule.pk]))


@require_http_methods(_METHODS)
def change_view(request: HttpRequest, object_id: str) -> HttpResponse:
    """The form of a rule that there is."""
    require(request, SEE_RULES)
    key = as_id(object_id)
    rules_here = AlertRule.objects.select_related("dataset", "created_by")
    rule = rules_here.filter(pk=key).first() if key else None
    if rule is None:
        messages.warning(request, f"There is no rule {object_id[:64]}.")
        return HttpResponseRedirect(reverse(_LIST))
    if request.method != "POST":
        return _form(request, Said.of(rule), rule)
    require(request, CHANGE_RULES)
    said = Said.posted(request.POST.dict())
    said.dataset = str(rule.dataset_id)
    if "try" in request.POST:
        return _form(request, said, rule, history=_tried(said))
    fields, by = said.fields(), person(request)
    if said.problems:
        return _form(request, said, rule)
    try:
        changed, refused = attempted(lambda: _change(rule, fields, by), AlertRule)
    except _Problems as problems:
        said.refuse(problems.error)
        return _form(request, said, rule)
    if changed is None:
        messages.warning(request, refused)
    else:
        messages.success(request, "The rule is saved.")
    return HttpResponseRedirect(request.path)


class _Problems(Exception):
    """A refusal whose problems belong beside their fields."""

    def __init__(self, error: RuleRefused) -> None:
        super().__init__(str(error))
        self.error = error


def _change(rule: AlertRule, fields: dict[str, Any], by: Any) -> AlertRule:
    try:
        return rules.change(rule.pk, by=by, **fields)
    except RuleRefused as error:
        raise _Problems(error) from error


def _tried(said: Said) -> History | None:
    """What the condition would have raised in the days that are asked for; nothing is written."""
    condition = said._json("condition", said.condition)
    key = as_id(said.dataset)
    if key is None or not Dataset.objects.filter(pk=key).exists():
        said.problems["dataset"] = ["Choose a dataset."]
    if said.problems or key is None:
        return None
    now = timezone.now()
    severity = said.severity if said.severity in AnomalySeverity.values else "low"
    try:
        with transaction.atomic():
            return rules_history.dry_run(
                condition, key, severity=severity, since=now - timedelta(days=said.days), until=now
            )
    except NotADefinition as error:
        said.problems["condition"] = [str(one) for one in error.problems]
        return None


def _form(
    request: HttpRequest, said: Said, rule: AlertRule | None, *, history: History | None = None
) -> HttpResponse:
    may_change = request.user.has_perm(CHANGE_RULES if rule else MAKE_RULES)
    context = {
        "rule": rule,
        "said": said,
        "may_change": may_change,
        "purpose": "A rule looks at each new sample of a dataset, and raises an alert when its"
        " condition has held long enough.",
        "datasets": datasets_named(),
        "severities": [
            (value, str(label).capitalize()) for value, label in AnomalySeverity.choices
        ],
        "times": [
            (name, label, about, said.times.get(name, ""), said.problems.get(name, []))
            for name, label, about in _TIMES
        ],
        "days": _DAYS,
        "examples": [(words, _pretty(document)) for words, document in _EXAMPLES],
        "history": history,
        "firings": _rows(history),
        "list_url": reverse(_LIST),
        "alerts_url": f"{reverse('admin:monitoring_alert_changelist')}?q={rule.pk}&phase=all"
        if rule
        else "",
    }
    status = 400 if said.problems else 200
    return page(request, "rule", rule.name if rule else "New rule", context, status=status)


def _rows(history: History | None) -> list[dict[str, Any]]:
    firings = (history.firings or []) if history else []
    return [
        {
            "group": shown.group_words(one.group),
            "severity": shown.severity_badge(one.severity),
            "why": "nothing came" if one.kind == "no_data" else "the condition held",
            "from": one.fired_at,
            "until": one.resolved_at,
            "count": f"{one.count:,}",
        }
        for one in firings[:_SHOWN_FIRINGS]
    ]
