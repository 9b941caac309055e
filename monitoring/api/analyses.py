"""Analyses: maps that are made and samples that are placed, waiting, running and ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of
from config.api.examples import answer
from config.api.filters import FilterSet, KeyFilter, MomentFilter
from config.api.views import Listed, Retrieved, RowViewSet
from monitoring.actions import requesting
from monitoring.api import examples
from monitoring.api.declared import READ, WRITE
from monitoring.api.fields import (
    MomentField,
    NumberField,
    ObjectField,
    RowSerializer,
    ToldByContent,
    key_field,
    printed,
)
from monitoring.models import Analysis, AnalysisStatus, AnalysisType

_VIEW: Final = "monitoring.view_analysis"
_STEER: Final = "monitoring.change_analysis"


class AnalysisProgressSerializer(serializers.Serializer[Any]):
    """How far an analysis is."""

    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    message = serializers.CharField(allow_blank=True)


@answer("A placing", examples.ANALYSIS)
class AnalysisSerializer(RowSerializer[Analysis]):
    """One file of a dataset, made a map of or placed on its map."""

    dataset_id = key_field()
    file_id = key_field(source="file_upload_id")
    map_id = key_field(
        source="dinsight_id",
        allow_null=True,
        help_text="The map that was made, or that samples are placed on.",
    )
    configuration_id = serializers.IntegerField(
        source="config_id", read_only=True, allow_null=True, help_text="The parameters of a fit."
    )
    user_id = key_field(help_text="The dataset's owner.")
    created_by_id = key_field(help_text="Who asked for it.")
    analysis_type = serializers.ChoiceField(choices=AnalysisType.choices, read_only=True)
    status = serializers.ChoiceField(choices=AnalysisStatus.choices, read_only=True)
    alarm_level = NumberField(
        help_text="Of a placing: share of healthy samples that may be called anomalous."
    )
    results = ObjectField(
        read_only=True, allow_null=True, help_text="Figures; docs/monitoring.md explains each."
    )
    error_message = serializers.SerializerMethodField()
    priority = serializers.IntegerField(read_only=True, help_text="1 to 10; 10 goes first.")
    max_retries = serializers.IntegerField(read_only=True)
    progress = serializers.SerializerMethodField()
    started_at = MomentField(read_only=True, allow_null=True)
    completed_at = MomentField(read_only=True, allow_null=True)

    class Meta:
        model = Analysis
        fields = tuple(examples.ANALYSIS)
        read_only_fields = fields

    def get_error_message(self, analysis: Analysis) -> str | None:
        """Why the last attempt failed: file, row and column."""
        return printed(analysis.error_message)

    @extend_schema_field(AnalysisProgressSerializer)
    def get_progress(self, analysis: Analysis) -> dict[str, Any]:
        """Steps done and to do, and what happens at the moment."""
        return {
            "done": analysis.progress_done,
            "total": analysis.progress_total,
            "message": analysis.progress_message,
        }


class AnalysisFilters(FilterSet):
    """Filters of the list of analyses."""

    dataset_id = KeyFilter()
    map_id = KeyFilter(field_name="dinsight_id")
    file_id = KeyFilter(field_name="file_upload_id")
    user_id = KeyFilter(help_text="The dataset's owner.")
    analysis_type = django_filters.ChoiceFilter(choices=AnalysisType.choices)
    status = django_filters.MultipleChoiceFilter(
        choices=AnalysisStatus.choices, distinct=False, help_text="May be given more than once."
    )
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Analysis
        fields: ClassVar[list[str]] = []


class AnalysisViewSet(Listed, Retrieved, ToldByContent, RowViewSet):
    """What was done with datasets, and what waits to be done."""

    tag = "Monitoring"
    queryset = Analysis.objects.all()
    serializer_class = AnalysisSerializer
    filterset_class = AnalysisFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": _VIEW,
        "retrieve": _VIEW,
        "cancel": _STEER,
        "retry": _STEER,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "cancel": WRITE,
        "retry": WRITE,
    }

    def get_queryset(self) -> QuerySet[Analysis]:
        """Every analysis that the database shows the caller."""
        return shown_analyses()

    @extend_schema(request=None, responses=AnalysisSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Take a waiting analysis out of the line, or ask a running one to stop."""
        return self.changed(requesting.cancel(self.get_object().pk, by=caller_of(request)))

    @extend_schema(request=None, responses=AnalysisSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: UUID) -> Response:
        """Put a failed analysis in line once more; its attempts count anew."""
        return self.changed(requesting.retry(self.get_object().pk, by=caller_of(request)))


def shown_analyses() -> QuerySet[Analysis]:
    """Analyses, as far as the database shows them."""
    return Analysis.objects.all()
