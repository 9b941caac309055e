"""The page of a rule: a form, or JSON, checked with each problem beside its field, and tried."""

from __future__ import annotations

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
from monitoring.admin import rule_said, rule_shown, rule_words
from monitoring.admin.posting import as_id, attempted, page
from monitoring.admin.questions import datasets_named
from monitoring.admin.rule_said import FORM, JSON, Said
from monitoring.admin.sections import CHANGE_RULES, MAKE_RULES, SEE_RULES
from monitoring.errors import MonitoringError
from monitoring.errors_of_alerts import RuleRefused
from monitoring.models import AlertRule, AnomalySeverity, Dataset
from monitoring.rules import NotADefinition

_LIST: Final = "admin:monitoring_alertrule_changelist"
_METHODS: Final = ("GET", "HEAD", "POST")
# What a button asks of the form but to save it.
_ASKS: Final = ("more", "drop", "turn", "try")


@require_http_methods(_METHODS)
def new_view(request: HttpRequest) -> HttpResponse:
    """The form of a rule that there is not yet."""
    require(request, MAKE_RULES)
    if request.method != "POST":
        return _form(request, _begun(request), None)
    said = _posted(request)
    if not request.POST.keys().isdisjoint(_ASKS):
        return _answered(request, said, None)
    values, key, by = said.values(), as_id(said.dataset), person(request)
    if key is None:
        said.problem("dataset", "Choose a dataset.")
    if said.problems or key is None:
        return _form(request, said, None)
    try:
        with transaction.atomic():
            rule = rules.make(key, by=by, **values)
    except RuleRefused as error:
        said.refuse(error)
        return _form(request, said, None)
    except MonitoringError as error:
        said.problem("dataset", str(error))
        return _form(request, said, None)
    messages.success(request, "The rule looks at every sample from now on.")
    return HttpResponseRedirect(_address(rule, said.way))


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
        return _form(request, Said.of(rule, _way(request)), rule)
    require(request, CHANGE_RULES)
    said = _posted(request)
    said.dataset = str(rule.dataset_id)
    if not request.POST.keys().isdisjoint(_ASKS):
        return _answered(request, said, rule)
    values, by = said.values(), person(request)
    if said.problems:
        return _form(request, said, rule)
    try:
        changed, refused = attempted(lambda: _change(rule, values, by), AlertRule)
    except _Problems as problems:
        said.refuse(problems.error)
        return _form(request, said, rule)
    if changed is None:
        messages.warning(request, refused)
    else:
        messages.success(request, "The rule is saved.")
    return HttpResponseRedirect(_address(rule, said.way))


class _Problems(Exception):
    """A refusal whose problems belong beside their fields."""

    def __init__(self, error: RuleRefused) -> None:
        super().__init__(str(error))
        self.error = error


def _change(rule: AlertRule, values: dict[str, Any], by: Any) -> AlertRule:
    try:
        return rules.change(rule.pk, by=by, **values)
    except RuleRefused as error:
        raise _Problems(error) from error


def _posted(request: HttpRequest) -> Said:
    return Said.posted({name: list(map(str, told)) for name, told in request.POST.lists()})


def _begun(request: HttpRequest) -> Said:
    """A new rule, of the dataset and from the example that the address names."""
    dataset = request.GET.get("dataset", "") or next((key for key, _ in datasets_named()), "")
    said = Said.new(dataset, request.GET.get("example", ""))
    if _way(request) == JSON:
        said.turn(JSON)
    return said


def _way(request: HttpRequest) -> str:
    return JSON if request.GET.get("as") == JSON else FORM


def _address(rule: AlertRule, way: str) -> str:
    address = reverse("admin:monitoring_alertrule_change", args=[rule.pk])
    return f"{address}?as={JSON}" if way == JSON else address


# --- What is asked of the form --------------------------------------------------------------------


def _answered(request: HttpRequest, said: Said, rule: AlertRule | None) -> HttpResponse:
    """One row more or less, the same the other way, or what it would have raised: unsaved."""
    sent = request.POST
    if "try" in sent:
        return _form(request, said, rule, history=_tried(said))
    if "turn" in sent:
        said.turn(JSON if sent["turn"] == JSON else FORM)
    elif "more" in sent:
        said.add_row(sent["more"])
    else:
        said.drop_row(sent["drop"])
    return _form(request, said, rule, focus=sent.get("more", ""))


def _tried(said: Said) -> History | None:
    """What the condition would have raised in the days that are asked for; nothing is written."""
    condition = said.read_condition()
    key = as_id(said.dataset)
    if key is None or not Dataset.objects.filter(pk=key).exists():
        said.problem("dataset", "Choose a dataset.")
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
        said.refuse_part("condition", error.problems)
        return None


def _form(
    request: HttpRequest,
    said: Said,
    rule: AlertRule | None,
    *,
    history: History | None = None,
    focus: str = "",
) -> HttpResponse:
    context = {
        **rule_shown.context(said, focus=focus),
        "rule": rule,
        "is_asking": not request.POST.keys().isdisjoint(_ASKS),
        "may_change": request.user.has_perm(CHANGE_RULES if rule else MAKE_RULES),
        "purpose": "A rule looks at each new sample of a dataset, and raises an alert when its"
        " condition has held long enough.",
        "datasets": datasets_named(),
        "examples": [
            (place, words, rule_said.pretty(document))
            for place, (words, document) in enumerate(rule_words.EXAMPLES)
        ],
        "history": history,
        "firings": rule_shown.firings(history),
        "list_url": reverse(_LIST),
        "alerts_url": f"{reverse('admin:monitoring_alert_changelist')}?q={rule.pk}&phase=all"
        if rule
        else "",
    }
    status = 400 if said.problems else 200
    return page(request, "rule", rule.name if rule else "New rule", context, status=status)
