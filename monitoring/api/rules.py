"""Rules: when an alert is raised for a dataset, and who is told how soon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

import django_filters
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from config.api.examples import answer, body
from config.api.filters import FilterSet, KeyFilter, TextFilter, TruthFilter
from config.api.preconditions import etag_of
from config.api.views import Listed, Retrieved, RowViewSet
from monitoring.actions import rules, rules_history
from monitoring.api import examples
from monitoring.api.declared import READ_ALERTS, WRITE_ALERTS
from monitoring.api.fields import (
    MomentField,
    ObjectField,
    ObjectsField,
    RowSerializer,
    key_field,
    no_such,
    refused,
)
from monitoring.errors_of_alerts import RuleRefused
from monitoring.models import AlertRule, AnomalySeverity, Dataset
from monitoring.rules import NotADefinition

_VIEW: Final = "monitoring.view_alertrule"
_ADD: Final = "monitoring.add_alertrule"
_CHANGE: Final = "monitoring.change_alertrule"
_CONDITION: Final = "When it holds; docs/alerts.md has the grammar."
_ACTIONS: Final = "Who is told, and of what: e-mails and webhooks, see docs/alerts.md."
_USUAL_DAYS: Final = 30
_MOST_DAYS: Final = 366


@answer("A rule", examples.RULE)
class AlertRuleSerializer(RowSerializer[AlertRule]):
    """When an alert is raised for a dataset, and who is told how soon."""

    dataset_id = key_field()
    user_id = key_field(help_text="The dataset's owner.")
    condition = ObjectField(read_only=True, help_text=_CONDITION)
    actions = ObjectsField(read_only=True, help_text=_ACTIONS)
    severity = serializers.ChoiceField(
        choices=AnomalySeverity.choices,
        read_only=True,
        help_text="The least of its alerts; a worse sample raises it.",
    )
    is_active = serializers.BooleanField(read_only=True)
    last_error = serializers.CharField(
        read_only=True, allow_blank=True, help_text="Why it cannot be evaluated; usually empty."
    )
    created_by_id = key_field()

    class Meta:
        model = AlertRule
        fields = tuple(examples.RULE)
        read_only_fields = fields


def _seconds(name: str, **options: Any) -> serializers.IntegerField:
    least, most = rules.TIMES[name]
    return serializers.IntegerField(
        min_value=least, max_value=most, required=False, help_text=_TIMES[name], **options
    )


_TIMES: Final = {
    "group_wait_seconds": "How long what else happens is waited for before it is told.",
    "group_interval_seconds": "How long lies between two messages at least.",
    "repeat_seconds": "After how long an alert is told again that nobody has acknowledged.",
    "escalate_seconds": "After how long of that the escalation is told; null: never.",
}


class _GivenSerializer(serializers.Serializer[Any]):
    actions = ObjectsField(required=False, help_text=_ACTIONS)
    severity = serializers.ChoiceField(choices=AnomalySeverity.choices, required=False)
    group_wait_seconds = _seconds("group_wait_seconds")
    group_interval_seconds = _seconds("group_interval_seconds")
    repeat_seconds = _seconds("repeat_seconds")
    escalate_seconds = _seconds("escalate_seconds", allow_null=True)


@body("Three in a row", examples.NEW_RULE)
class NewAlertRuleSerializer(_GivenSerializer):
    """A rule to be made; it looks at what comes from then on."""

    dataset_id = serializers.UUIDField()
    name = serializers.CharField(max_length=rules.LONGEST_NAME)
    condition = ObjectField(help_text=_CONDITION)


@body("Switch it off", examples.RULE_CHANGES)
class AlertRuleChangesSerializer(_GivenSerializer):
    """What is to be different of a rule; what is left out stays."""

    name = serializers.CharField(max_length=rules.LONGEST_NAME, required=False)
    condition = ObjectField(required=False, help_text=_CONDITION)
    is_active = serializers.BooleanField(
        required=False, help_text="Switched off, its open alerts are resolved."
    )


@body("November", examples.PERIOD)
class PeriodSerializer(serializers.Serializer[Any]):
    """A time of which the samples are looked at: at most 366 days, by default the last 30."""

    since = MomentField(required=False)
    until = MomentField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Both ends, whatever was said."""
        until = attrs.get("until") or timezone.now()
        since = attrs.get("since") or _before(until)
        if not timedelta(0) < until - since <= timedelta(days=_MOST_DAYS):
            raise serializers.ValidationError(
                {"until": [f"It lies after since, by at most {_MOST_DAYS} days."]}
            )
        return attrs | {"since": since, "until": until}


@body("November", examples.TO_TRY)
class RuleToTrySerializer(PeriodSerializer):
    """A condition that is to be tried on the samples that there are."""

    dataset_id = serializers.UUIDField()
    condition = ObjectField(help_text=_CONDITION)
    severity = serializers.ChoiceField(choices=AnomalySeverity.choices, default=AnomalySeverity.LOW)


class FiringSerializer(serializers.Serializer[Any]):
    """An alert that there would have been."""

    group = serializers.DictField(child=serializers.CharField(allow_blank=True))
    kind = serializers.CharField(help_text="condition or no_data.")
    severity = serializers.CharField()
    fired_at = MomentField()
    resolved_at = MomentField(allow_null=True, help_text="Null: it would be open still.")
    count = serializers.IntegerField(help_text="Samples for which it held.")


@answer("Once", examples.TRIED)
class TriedSerializer(serializers.Serializer[Any]):
    """What the rule would have done; nothing was written."""

    since = MomentField()
    until = MomentField()
    analyses = serializers.IntegerField()
    samples = serializers.IntegerField()
    fired = serializers.IntegerField(help_text="How many alerts there would have been.")
    firings = FiringSerializer(
        many=True, help_text=f"The first {rules_history.MOST_FIRINGS} of them."
    )


class AlertRuleFilters(FilterSet):
    """Filters of the list of rules."""

    dataset_id = KeyFilter()
    user_id = KeyFilter(help_text="The dataset's owner; others' are seen by admins alone.")
    is_active = TruthFilter()
    severity = django_filters.ChoiceFilter(choices=AnomalySeverity.choices)
    name = TextFilter(lookup_expr="icontains", help_text="Text within the name.")

    class Meta:
        model = AlertRule
        fields: ClassVar[list[str]] = []


class AlertRuleViewSet(Listed, Retrieved, RowViewSet):
    """Rules by which alerts are raised."""

    tag = "Alerts"
    queryset = AlertRule.objects.all()
    serializer_class = AlertRuleSerializer
    filterset_class = AlertRuleFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "name": ("name", "pk"),
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": _VIEW,
        "retrieve": _VIEW,
        "create": _ADD,
        "partial_update": _CHANGE,
        "destroy": _CHANGE,
        "try_out": _ADD,
        "try_again": _CHANGE,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ_ALERTS,
        "retrieve": READ_ALERTS,
        "create": WRITE_ALERTS,
        "partial_update": WRITE_ALERTS,
        "destroy": WRITE_ALERTS,
        "try_out": READ_ALERTS,
        "try_again": READ_ALERTS,
    }
    # They change nothing.
    never_repeated: ClassVar[frozenset[str]] = frozenset({"try_out", "try_again"})

    def etag(self, row: AlertRule) -> str:
        """Also what the engine says of it, which is no change of the rule."""
        return etag_of(row, row.last_error)

    @extend_schema(request=NewAlertRuleSerializer, responses={201: AlertRuleSerializer})
    def create(self, request: Request) -> Response:
        """Make a rule for a dataset; what is wrong in its JSON is told by place."""
        values = checked(NewAlertRuleSerializer(data=request.data))
        dataset = _dataset(values.pop("dataset_id"))
        with _told_by_place():
            made = rules.make(dataset.pk, by=caller_of(request), **values)
        return self.made(self.get_queryset().get(pk=made.pk), "alert-rule-detail")

    @extend_schema(request=AlertRuleChangesSerializer, responses=AlertRuleSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change a rule, or switch it off or on. Its open alerts are judged by the new condition.

        Where `group_by` changes, and where it is switched off, they are resolved.
        """
        with self.changing() as rule:
            values = checked(AlertRuleChangesSerializer(data=request.data))
            on = values.pop("is_active", None)
            by = caller_of(request)
            with _told_by_place():
                if values:
                    rules.change(rule.pk, by=by, **values)
            if on is not None:
                rules.switch(rule.pk, on=on, by=by)
        return self.changed(rule)

    @extend_schema(responses={204: OpenApiResponse(description="Removed.")})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove a rule that never raised an alert; 409 for others, which are switched off."""
        with self.changing() as rule:
            rules.remove(rule.pk, by=caller_of(request))
        return Response(status=204)

    @extend_schema(
        operation_id="alert_rules_try_out", request=RuleToTrySerializer, responses=TriedSerializer
    )
    @action(detail=False, methods=["post"], url_path="dry-run", url_name="try-out")
    def try_out(self, request: Request) -> Response:
        """Tell when a condition would have fired on the samples that there are; writes nothing."""
        values = checked(RuleToTrySerializer(data=request.data))
        dataset = _dataset(values["dataset_id"])
        return _tried(dataset.pk, values["condition"], values["severity"], values)

    @extend_schema(request=PeriodSerializer, responses=TriedSerializer)
    @action(detail=True, methods=["post"], url_path="dry-run", url_name="try-again")
    def try_again(self, request: Request, pk: UUID) -> Response:
        """Tell when the rule, as it is now, would have fired; writes nothing."""
        rule = self.get_object()
        values = checked(PeriodSerializer(data=request.data))
        return _tried(rule.dataset_id, rule.condition, rule.severity, values)


def _tried(
    dataset_id: UUID, condition: object, severity: str, period: Mapping[str, Any]
) -> Response:
    since, until = period["since"], period["until"]
    with _told_by_place():
        history = rules_history.dry_run(
            condition, dataset_id, severity=severity, since=since, until=until
        )
    told = {
        "since": since,
        "until": until,
        "analyses": history.analyses,
        "samples": history.samples,
        "fired": history.fired,
        "firings": [firing.as_dict() for firing in history.firings or ()],
    }
    return Response(TriedSerializer(told).data)


@contextmanager
def _told_by_place() -> Iterator[None]:
    """What is wrong in JSON becomes an error of its place in the body."""
    try:
        yield
    except RuleRefused as error:
        raise refused(error.problems) from None
    except NotADefinition as error:
        raise refused({"condition": error.problems}) from None


def _dataset(key: UUID) -> Dataset:
    dataset = Dataset.objects.filter(pk=key).first()
    if dataset is None:
        raise no_such("dataset_id", "dataset")
    return dataset


def _before(until: datetime) -> datetime:
    try:
        return until - timedelta(days=_USUAL_DAYS)
    except OverflowError:
        raise ValidationError({"until": ["There is nothing so long ago."]}) from None
