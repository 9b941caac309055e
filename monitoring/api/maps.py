"""Maps of healthy machines (``dinsight_data``): how good each is, and where its rows lie."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
)
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from config.api import preconditions
from config.api.examples import answer
from config.api.filters import FilterSet, KeyFilter, MomentFilter, WholeNumberFilter
from config.api.views import Listed, Retrieved, RowViewSet
from monitoring.api import examples
from monitoring.api.declared import READ
from monitoring.api.fields import NumberField, RowSerializer, finite, key_field, words_field
from monitoring.models import Analysis, BaselineMap

MOST_POINTS: Final = 10_000
_USUAL_POINTS: Final = 1000
_MOST_ROWS: Final = 2**31 - 1
_HEAVY: Final = ("baseline", "detector", "x_values", "y_values")
_CSV: Final = "text/csv"


class CsvRenderer(JSONRenderer):
    """Lets a caller ask for CSV; a problem is written as JSON all the same."""

    media_type = _CSV
    format = "csv"


class QualitySerializer(serializers.Serializer[Any]):
    """How well the map keeps the distances of the features."""

    stress = serializers.FloatField(help_text="Kruskal's stress at the best scale; 0 is perfect.")
    trustworthiness = serializers.FloatField(
        help_text="Whether neighbours on the map are neighbours; 1 is perfect."
    )
    correlation = serializers.FloatField(help_text="Spearman's, of the distances.")
    rows = serializers.IntegerField(help_text="Of how many rows it was measured.")


@answer("A map", examples.MAP)
class MapSerializer(RowSerializer[BaselineMap]):
    """The map of one file under one version of the parameters."""

    file_id = key_field(source="file_upload_id")
    configuration_id = serializers.IntegerField(source="config_id", read_only=True)
    user_id = key_field(help_text="Its owner.")
    feature_count = serializers.SerializerMethodField()
    takes_samples = serializers.BooleanField(
        read_only=True, help_text="False for a map that was brought from elsewhere."
    )
    quality = serializers.SerializerMethodField()

    class Meta:
        model = BaselineMap
        fields: tuple[str, ...] = tuple(examples.MAP)
        read_only_fields = fields

    def get_feature_count(self, row: BaselineMap) -> int:
        """Columns of features."""
        return len(row.features)

    @extend_schema_field(QualitySerializer(allow_null=True))
    def get_quality(self, row: BaselineMap) -> dict[str, Any] | None:
        """Null for a map that was brought from elsewhere."""
        if row.stress is None:
            return None
        return {
            "stress": row.stress,
            "trustworthiness": row.trustworthiness,
            "correlation": row.correlation,
            "rows": row.quality_rows,
        }


@answer("A map", examples.MAP_DETAIL)
class MapDetailSerializer(MapSerializer):
    """A map, with the names of its features and how it was made."""

    features = words_field(help_text="The columns, in order.")
    constant_features = words_field(source="constant", help_text="Those that never changed.")
    cost = NumberField()
    iterations = serializers.IntegerField(read_only=True, allow_null=True)
    stop_reason = serializers.CharField(read_only=True, allow_null=True)
    calibrated = serializers.CharField(
        read_only=True, allow_null=True, help_text="How the healthy rows were scored."
    )
    calibration_count = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Scores that p-values come from."
    )
    warnings = words_field()

    class Meta(MapSerializer.Meta):
        fields = tuple(examples.MAP_DETAIL)
        read_only_fields = fields


class PointSerializer(serializers.Serializer[Any]):
    """Where a healthy row lies."""

    row = serializers.IntegerField(help_text="Of the file, from 1.")
    x = serializers.FloatField(allow_null=True)
    y = serializers.FloatField(allow_null=True)


@answer("A page of one point", examples.POINTS)
class PointsSerializer(serializers.Serializer[Any]):
    """A page of points, in the order of the file."""

    results = PointSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="The page after this one.")
    previous = serializers.URLField(allow_null=True, help_text="The page before this one.")


class _PointsQuery(serializers.Serializer[Any]):
    first = serializers.IntegerField(min_value=1, max_value=_MOST_ROWS, default=1)
    count = serializers.IntegerField(min_value=1, max_value=MOST_POINTS, default=_USUAL_POINTS)


class MapFilters(FilterSet):
    """Filters of the list of maps."""

    dataset_id = KeyFilter(method="by_dataset", help_text="Those of one dataset.")
    file_id = KeyFilter(field_name="file_upload_id")
    configuration_id = WholeNumberFilter(field_name="config_id")
    user_id = KeyFilter(help_text="The owner; others' maps are seen by admins alone.")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = BaselineMap
        fields: ClassVar[list[str]] = []

    def by_dataset(self, rows: Any, name: str, value: UUID) -> Any:
        """Those that the dataset's analyses made or used."""
        return rows.filter(pk__in=maps_of(value))


class MapViewSet(Listed, Retrieved, RowViewSet):
    """Maps of healthy machines; made by analyses, never changed."""

    tag = "Monitoring"
    queryset = BaselineMap.objects.all()
    serializer_class = MapDetailSerializer
    filterset_class = MapFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
    }
    query_parameters: ClassVar[Mapping[str, Sequence[str]]] = {"points": ("first", "count")}
    permission = "monitoring.view_baselinemap"
    scope = READ

    def get_queryset(self) -> QuerySet[BaselineMap]:
        """Every map that the database shows the caller, without its arrays and bytes."""
        return BaselineMap.objects.defer(*_HEAVY)

    def get_serializer_class(self) -> type[MapSerializer]:
        """A list leaves the names of the features out."""
        return MapSerializer if self.current_action() == "list" else MapDetailSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "first",
                {"type": "integer", "minimum": 1, "maximum": _MOST_ROWS, "default": 1},
                description="The row to begin with.",
            ),
            OpenApiParameter(
                "count",
                {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MOST_POINTS,
                    "default": _USUAL_POINTS,
                },
                description="Points on a page of JSON.",
            ),
        ],
        responses={
            (200, "application/json"): PointsSerializer,
            (200, _CSV): OpenApiTypes.STR,
            304: OpenApiResponse(description="Unchanged."),
        },
    )
    @action(detail=True, renderer_classes=[JSONRenderer, CsvRenderer])
    def points(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Where the rows of the file lie: pages of JSON, or all from `first` on as CSV.

        CSV (`Accept: text/csv`) has the columns `row`, `x`, `y`. Map units, six decimals.
        """
        row = self.get_object()
        query = _PointsQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        first, count = query.validated_data["first"], query.validated_data["count"]
        as_csv = isinstance(request.accepted_renderer, CsvRenderer)
        etag = preconditions.etag_of(row, "points", as_csv, first, count)
        if preconditions.is_unchanged(request, etag):
            return preconditions.not_modified(etag)
        if as_csv:
            return _as_csv(row, first, etag)
        results = _points(row, first, first + count - 1)
        data = {"results": results, **_links(request, row.row_count, first, count)}
        return preconditions.tag(Response(data), etag)


def maps_of(dataset_id: UUID) -> QuerySet[Any]:
    """The keys of the maps of a dataset: those that its analyses made or used."""
    analyses = Analysis.objects.filter(dataset_id=dataset_id, dinsight__isnull=False)
    return analyses.values("dinsight_id")


def _points(row: BaselineMap, first: int, last: int) -> list[dict[str, Any]]:
    """The points of these rows, from 1 and with both ends; the arrays stay in the database."""
    if first > row.row_count:
        return []
    span = f"{first - 1}_{min(last, row.row_count)}"
    found = BaselineMap.objects.filter(pk=row.pk)
    xs, ys = found.values_list(f"x_values__{span}", f"y_values__{span}").get()
    return [
        {"row": first + place, "x": finite(x), "y": finite(y)}
        for place, (x, y) in enumerate(zip(xs, ys, strict=True))
    ]


def _as_csv(row: BaselineMap, first: int, etag: str) -> HttpResponse:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("row", "x", "y"))
    for point in _points(row, first, row.row_count):
        lines.writerow(point.values())
    return HttpResponse(
        text.getvalue(),
        content_type=f"{_CSV}; charset=utf-8",
        headers={
            "ETag": etag,
            "Content-Disposition": f'attachment; filename="map-{row.pk}.csv"',
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _links(request: Request, rows: int, first: int, count: int) -> dict[str, str | None]:
    def address(start: int, size: int) -> str:
        query = urlencode({"first": start, "count": size})
        return str(request.build_absolute_uri(f"{request.path}?{query}"))

    before = max(1, first - count)
    return {
        "next": address(first + count, count) if first + count <= rows else None,
        "previous": address(before, min(count, first - before)) if first > 1 else None,
    }
