"""Samples that were placed on maps (``monitor_samples``): where they lie, how far from healthy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.admin.keyset import Page
from config.api.examples import answer
from config.api.filters import FilterSet, KeyFilter, MomentFilter
from config.api.pagination import KeysetPagination
from config.api.views import RowViewSet
from monitoring.api import examples
from monitoring.api.declared import READ
from monitoring.api.fields import MomentField, NumberField, ObjectField
from monitoring.api.maps import maps_of
from monitoring.api.sample_pages import Span, place_in, samples, written
from monitoring.models import MonitorBlock, PackedBlock
from monitoring.rules import SEVERITIES


@answer("A sample", examples.SAMPLE)
class SampleSerializer(serializers.Serializer[Any]):
    """One sample, placed on a map and judged."""

    map_id = serializers.UUIDField()
    number = serializers.IntegerField(help_text="On its map, from 1.")
    analysis_id = serializers.UUIDField(allow_null=True)
    file_row = serializers.IntegerField(allow_null=True, help_text="In its file, from 1.")
    created_at = MomentField(help_text="When it was judged.")
    x = NumberField(help_text="Map units.")
    y = NumberField(help_text="Map units.")
    score = NumberField(help_text="How far from healthy, in the units of the map's score.")
    p_value = NumberField(help_text="Share of healthy rows that are at least as far.")
    severity = serializers.ChoiceField(choices=list(SEVERITIES), allow_null=True)
    off_map = serializers.BooleanField(
        allow_null=True, help_text="Whether its place says little, as it lies beside the map."
    )
    metadata = ObjectField(allow_null=True, help_text="The texts of its other columns.")
    is_packed = serializers.BooleanField(help_text="Whether it is older than half a year.")


class SampleFilters(FilterSet):
    """Filters of the list of samples."""

    dataset_id = KeyFilter(method="by_dataset")
    map_id = KeyFilter(field_name="dinsight_id")
    analysis_id = KeyFilter()
    user_id = KeyFilter(help_text="The owner; others' samples are seen by admins alone.")
    since = MomentFilter(field_name="created_at", lookup_expr="gte")
    until = MomentFilter(field_name="created_at", lookup_expr="lt")
    severity = django_filters.MultipleChoiceFilter(
        choices=[(word, word) for word in SEVERITIES],
        method="by_severity",
        distinct=False,
        help_text="May be given more than once.",
    )

    def by_dataset(self, rows: Any, name: str, value: UUID) -> Any:
        """Those on the dataset's maps."""
        return rows.filter(dinsight_id__in=maps_of(value))

    def by_severity(self, rows: Any, name: str, value: list[str]) -> Any:
        """All blocks: ``sample_pages`` chooses, sample by sample."""
        return rows


@dataclass(frozen=True, slots=True)
class Source:
    """Blocks that may hold samples of the list, and which of their samples belong to it."""

    recent: QuerySet[MonitorBlock]
    packed: QuerySet[PackedBlock]
    severities: frozenset[int]


class SamplePages(KeysetPagination):
    """As of every list; the rows are samples, out of blocks."""

    def read(
        self,
        queryset: Any,
        order: Sequence[str],
        size: int,
        *,
        after: str | None = None,
        before: str | None = None,
    ) -> Page:
        """The page beyond the cursor; ``WrongCursor`` for one that this list did not make."""
        newest_first, reverse = order[0].startswith("-"), before is not None
        cursor = before or after
        place = place_in(cursor, newest_first=newest_first) if cursor else None
        span = Span(newest_first ^ reverse, queryset.severities, after=place)
        found = samples(queryset.recent, queryset.packed, span, size + 1)
        more, found = len(found) > size, found[:size]
        if reverse:
            found.reverse()
        if not found:
            return Page([], None, None)
        first, last = (written(found[at], newest_first=newest_first) for at in (0, -1))
        return Page(
            found,
            last if more or reverse else None,
            first if (reverse and more) or (after and not reverse) else None,
        )


class SampleViewSet(RowViewSet):
    """Samples that were placed on maps, in the order in which they came."""

    tag = "Monitoring"
    queryset = MonitorBlock.objects.all()
    serializer_class = SampleSerializer
    filterset_class = SampleFilters
    pagination_class = SamplePages
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
    }
    permission = "monitoring.view_dataset"
    scope = READ

    @extend_schema(responses=SampleSerializer(many=True))
    def list(self, request: Request) -> Response:
        """A page of samples; the numbers of their features stand in the files and in SQL."""
        recent = self.filter_queryset(MonitorBlock.objects.all())
        packed = self.filter_queryset(PackedBlock.objects.all())
        words = request.query_params.getlist("severity")
        wanted = frozenset(SEVERITIES.index(word) for word in words)
        page = self.paginate_queryset(Source(recent, packed, wanted))  # type: ignore[arg-type] # read by SamplePages
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
