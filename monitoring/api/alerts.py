"""Alerts: what rules had to tell, who looks after it, and why it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from config.api.examples import answer, body
from config.api.filters import FilterSet, KeyFilter, MomentFilter
from config.api.views import Listed, Retrieved, RowViewSet
from monitoring.actions import alerting_by_hand
from monitoring.api import examples
from monitoring.api.declared import READ_ALERTS, WRITE_ALERTS
from monitoring.api.fields import (
    MomentField,
    ObjectField,
    RowSerializer,
    ToldByContent,
    key_field,
)
from monitoring.models import Alert, AlertKind, AlertStatus, AnomalySeverity

_VIEW: Final = "monitoring.view_alert"
_CHANGE: Final = "monitoring.change_alert"
_PHASES: Final = ("active", "acknowledged", "recovering", "resolved")


@answer("An alert", examples.ALERT)
class AlertSerializer(RowSerializer[Alert]):
    """One occasion on which a rule had something to tell of a group of samples."""

    alert_rule_id = key_field()
    dataset_id = key_field()
    user_id = key_field(help_text="The dataset's owner.")
    anomaly_id = key_field(allow_null=True, help_text="The first anomaly that it is about.")
    kind = serializers.ChoiceField(choices=AlertKind.choices, read_only=True)
    status = serializers.ChoiceField(choices=AlertStatus.choices, read_only=True)
    phase = serializers.ChoiceField(
        choices=[(word, word) for word in _PHASES],
        read_only=True,
        help_text="The status; recovering: it is over, if it stays so.",
    )
    severity = serializers.ChoiceField(choices=AnomalySeverity.choices, read_only=True)
    group_values = ObjectField(read_only=True, help_text="Of which samples, by column.")
    count = serializers.IntegerField(read_only=True, help_text="Samples for which it held.")
    data = ObjectField(read_only=True, help_text="The sample that opened it.")  # type: ignore[assignment] # a field of this name
    muted = serializers.CharField(
        read_only=True,
        allow_blank=True,
        help_text="Why nothing is told of it: silence or inhibition.",
    )
    told_at = MomentField(read_only=True, allow_null=True, help_text="When it was told last.")
    escalated_at = MomentField(read_only=True, allow_null=True)
    acknowledged_by_id = key_field(allow_null=True)
    resolved_by_id = key_field(allow_null=True, help_text="Null where it ended by itself.")

    class Meta:
        model = Alert
        fields = tuple(examples.ALERT)
        read_only_fields = fields


@body("It is mended", examples.RESOLUTION)
class ResolutionSerializer(serializers.Serializer[Any]):
    """Why the alert is over."""

    note = serializers.CharField(max_length=alerting_by_hand.LONGEST_NOTE)


class AlertFilters(FilterSet):
    """Filters of the list of alerts."""

    dataset_id = KeyFilter()
    alert_rule_id = KeyFilter()
    user_id = KeyFilter(help_text="The dataset's owner; others' are seen by admins alone.")
    status = django_filters.MultipleChoiceFilter(
        choices=AlertStatus.choices, distinct=False, help_text="May be given more than once."
    )
    severity = django_filters.MultipleChoiceFilter(
        choices=AnomalySeverity.choices, distinct=False, help_text="May be given more than once."
    )
    kind = django_filters.ChoiceFilter(choices=AlertKind.choices)
    since = MomentFilter(field_name="created_at", lookup_expr="gte")
    until = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Alert
        fields: ClassVar[list[str]] = []


class AlertViewSet(Listed, Retrieved, ToldByContent, RowViewSet):
    """What rules had to tell; open and past."""

    tag = "Alerts"
    queryset = Alert.objects.all()
    serializer_class = AlertSerializer
    filterset_class = AlertFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": _VIEW,
        "retrieve": _VIEW,
        "acknowledge": _CHANGE,
        "resolve": _CHANGE,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ_ALERTS,
        "retrieve": READ_ALERTS,
        "acknowledge": WRITE_ALERTS,
        "resolve": WRITE_ALERTS,
    }

    @extend_schema(request=None, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: UUID) -> Response:
        """Note that one looks after the alert; it is told again only if it becomes more severe."""
        alert = self.get_object()
        return self.changed(alerting_by_hand.acknowledge(alert.pk, by=caller_of(request)))

    @extend_schema(request=ResolutionSerializer, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: UUID) -> Response:
        """Say that the alert is over, and why.

        If its condition goes on holding, a new one begins.
        """
        alert = self.get_object()
        note: str = checked(ResolutionSerializer(data=request.data))["note"]
        return self.changed(alerting_by_hand.resolve(alert.pk, note=note, by=caller_of(request)))
