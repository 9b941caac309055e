"""Silences: times in which nothing is told of alerts of a dataset, such as a repair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from config.api.examples import answer, body
from config.api.filters import FilterSet, KeyFilter, MomentFilter
from config.api.views import Listed, Retrieved, RowViewSet
from monitoring.actions import silences
from monitoring.api import examples
from monitoring.api.declared import READ_ALERTS, WRITE_ALERTS
from monitoring.api.fields import (
    MomentField,
    ObjectsField,
    RowSerializer,
    ToldByContent,
    key_field,
    no_such,
    refused,
)
from monitoring.models import AlertSilence, Dataset
from monitoring.rules import NotADefinition
from monitoring.rules.silencing import parse_matchers

_VIEW: Final = "monitoring.view_alertsilence"
_ADD: Final = "monitoring.add_alertsilence"
_CHANGE: Final = "monitoring.change_alertsilence"
_MATCHERS: Final = (
    'Which alerts: `{"field": "severity" | "rule" | "meta.COLUMN", "op": "eq" | "ne" | "in",'
    ' "value": …}`; all must match. Empty: all alerts of the dataset.'
)


@answer("A repair", examples.SILENCE)
class SilenceSerializer(RowSerializer[AlertSilence]):
    """Nothing is told of matching alerts of a dataset between two moments."""

    dataset_id = key_field()
    user_id = key_field(help_text="The dataset's owner.")
    matchers = ObjectsField(read_only=True, help_text=_MATCHERS)
    created_by_id = key_field()

    class Meta:
        model = AlertSilence
        fields = tuple(examples.SILENCE)
        read_only_fields = fields


@body("A repair", examples.NEW_SILENCE)
class NewSilenceSerializer(serializers.Serializer[Any]):
    """A silence to be made."""

    dataset_id = serializers.UUIDField()
    starts_at = MomentField(required=False, help_text="Left out: now.")
    ends_at = MomentField(help_text="After now, and after it begins.")
    comment = serializers.CharField(max_length=silences.LONGEST_COMMENT, help_text="Why.")
    matchers = ObjectsField(required=False, help_text=_MATCHERS)


class SilenceFilters(FilterSet):
    """Filters of the list of silences."""

    dataset_id = KeyFilter()
    user_id = KeyFilter(help_text="The dataset's owner; others' are seen by admins alone.")
    ends_after = MomentFilter(field_name="ends_at", lookup_expr="gt")
    starts_before = MomentFilter(field_name="starts_at", lookup_expr="lte")

    class Meta:
        model = AlertSilence
        fields: ClassVar[list[str]] = []


class SilenceViewSet(Listed, Retrieved, ToldByContent, RowViewSet):
    """Times in which nothing is told of alerts."""

    tag = "Alerts"
    queryset = AlertSilence.objects.all()
    serializer_class = SilenceSerializer
    filterset_class = SilenceFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "ends_last": ("-ends_at", "-pk"),
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": _VIEW,
        "retrieve": _VIEW,
        "create": _ADD,
        "end": _CHANGE,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ_ALERTS,
        "retrieve": READ_ALERTS,
        "create": WRITE_ALERTS,
        "end": WRITE_ALERTS,
    }

    @extend_schema(request=NewSilenceSerializer, responses={201: SilenceSerializer})
    def create(self, request: Request) -> Response:
        """Tell nothing of matching alerts for a time; they are raised and end as ever.

        What is still open when the silence ends is told then.
        """
        values = checked(NewSilenceSerializer(data=request.data))
        dataset = Dataset.objects.filter(pk=values.pop("dataset_id")).first()
        if dataset is None:
            raise no_such("dataset_id", "dataset")
        try:
            parse_matchers(values.get("matchers", []))
        except NotADefinition as error:
            raise refused({"matchers": error.problems}) from None
        made = silences.silence(dataset.pk, by=caller_of(request), **values)
        return self.made(self.get_queryset().get(pk=made.pk), "silence-detail")

    @extend_schema(request=None, responses=SilenceSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: UUID) -> Response:
        """End the silence now; 409 for one that is over."""
        return self.changed(silences.end(self.get_object().pk, by=caller_of(request)))
