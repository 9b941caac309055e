"""Anomalies: samples that left the healthy region, and who has seen them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from config.api.examples import answer, body
from config.api.filters import FilterSet, KeyFilter, MomentFilter, TruthFilter
from config.api.views import Listed, Retrieved, RowViewSet
from monitoring.actions import acknowledging
from monitoring.api import examples
from monitoring.api.declared import READ, WRITE
from monitoring.api.fields import (
    MomentField,
    ObjectField,
    RowSerializer,
    ToldByContent,
    key_field,
    plain,
)
from monitoring.models import Anomaly, AnomalySeverity

_VIEW: Final = "monitoring.view_anomaly"
_CHANGE: Final = "monitoring.change_anomaly"
_MOST_NAMED: Final = 1000


@extend_schema_field(
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "value": {"type": ["number", "null"]},
                "deviation": {"type": ["number", "null"]},
            },
        },
    }
)
class DeviationsField(serializers.JSONField):
    """Features that say why; what was brought from elsewhere in another form is left out."""

    def to_representation(self, value: Any) -> Any:
        """The list, as far as JSON can say it."""
        return [one for one in plain(value) if isinstance(one, dict)] if value else []


@answer("An anomaly", examples.ANOMALY)
class SampleAnomalySerializer(RowSerializer[Anomaly]):
    """A sample whose p-value is at most the alarm level."""

    dataset_id = key_field()
    analysis_id = key_field()
    user_id = key_field(help_text="The dataset's owner.")
    severity = serializers.ChoiceField(choices=AnomalySeverity.choices, read_only=True)
    sample_number = serializers.IntegerField(
        source="process_order", read_only=True, allow_null=True, help_text="On its map, from 1."
    )
    file_row = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="In its file, from 1."
    )
    features = DeviationsField(
        read_only=True,
        help_text="The ten that deviate most, in healthy standard deviations.",
    )
    metadata = ObjectField(
        read_only=True, allow_null=True, help_text="The texts of the sample's other columns."
    )
    acknowledged_by_id = key_field(allow_null=True)
    acknowledged_at = MomentField(read_only=True, allow_null=True)

    class Meta:
        model = Anomaly
        fields = tuple(examples.ANOMALY)
        read_only_fields = fields
        extra_kwargs: ClassVar[dict[str, Any]] = {
            "timestamp": {"help_text": "When it was judged."},
            "distance": {"help_text": "Its score."},
            "threshold": {"help_text": "The largest score that is healthy at the alarm level."},
            "ratio": {"help_text": "The score over the largest healthy one."},
        }


@body("Two of them", {"anomaly_ids": [examples.ANOMALY_ID]})
class AnomaliesToAcknowledgeSerializer(serializers.Serializer[Any]):
    """Anomalies, by their keys."""

    anomaly_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=_MOST_NAMED
    )


@answer("One was new", {"acknowledged": 1})
class AcknowledgedSerializer(serializers.Serializer[Any]):
    """How many nobody had seen before."""

    acknowledged = serializers.IntegerField()


class AnomalyFilters(FilterSet):
    """Filters of the list of anomalies."""

    dataset_id = KeyFilter()
    analysis_id = KeyFilter()
    user_id = KeyFilter(help_text="The dataset's owner; others' are seen by admins alone.")
    severity = django_filters.MultipleChoiceFilter(
        choices=AnomalySeverity.choices, distinct=False, help_text="May be given more than once."
    )
    acknowledged = TruthFilter()
    off_map = TruthFilter()
    since = MomentFilter(field_name="timestamp", lookup_expr="gte")
    until = MomentFilter(field_name="timestamp", lookup_expr="lt")

    class Meta:
        model = Anomaly
        fields: ClassVar[list[str]] = []


class AnomalyViewSet(Listed, Retrieved, ToldByContent, RowViewSet):
    """Samples that left the healthy region."""

    tag = "Monitoring"
    queryset = Anomaly.objects.all()
    serializer_class = SampleAnomalySerializer
    filterset_class = AnomalyFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-timestamp", "-pk"),
        "oldest": ("timestamp", "pk"),
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": _VIEW,
        "retrieve": _VIEW,
        "acknowledge": _CHANGE,
        "acknowledge_many": _CHANGE,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "acknowledge": WRITE,
        "acknowledge_many": WRITE,
    }

    @extend_schema(request=None, responses=SampleAnomalySerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: UUID) -> Response:
        """Note that one has seen the anomaly; 409 where somebody was first."""
        return self.changed(acknowledging.acknowledge(self.get_object().pk, by=caller_of(request)))

    @extend_schema(
        operation_id="anomalies_acknowledge_many",
        request=AnomaliesToAcknowledgeSerializer,
        responses=AcknowledgedSerializer,
    )
    @action(detail=False, methods=["post"], url_path="acknowledge", url_name="acknowledge-many")
    def acknowledge_many(self, request: Request) -> Response:
        """Note that one has seen many; those that somebody has seen, or that are not, are left."""
        keys: list[UUID] = checked(AnomaliesToAcknowledgeSerializer(data=request.data))[
            "anomaly_ids"
        ]
        count = acknowledging.acknowledge_many(keys, by=caller_of(request))
        return Response({"acknowledged": count})
