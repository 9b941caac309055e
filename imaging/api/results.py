"""What analyses found: in force and earlier, with notes, anomalies and drawings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import F, Func, IntegerField, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.http import Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from config.api import preconditions
from config.api.views import Listed, RowViewSet
from imaging import paths
from imaging.actions import images, results
from imaging.admin import anomalies, drawings
from imaging.api import files
from imaging.api.declared import READ_RESULTS, WRITE_RESULTS
from imaging.api.fields import plain
from imaging.api.result_rows import (
    AnomalyListSerializer,
    EarlierResultDetailSerializer,
    EarlierResultFilters,
    EarlierResultSerializer,
    NoteSerializer,
    NoteToWriteSerializer,
    ResultDetailSerializer,
    ResultFilters,
    ResultSerializer,
)
from imaging.models import AnalysisResult, AnalysisResultHistory

AnyResult = AnalysisResult | AnalysisResultHistory

_DIAGRAMS: Final[dict[str, Callable[[Any], str]]] = {
    "shapes": drawings.shapes,
    "margins": drawings.margins,
    "clearance": drawings.clearance_chart,
}
DRAWINGS: Final = (*results.LAYERS, *_DIAGRAMS)
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16,64}")
# What a list does not show, and what can be large.
_LARGE: Final = (
    "negative_space_data",
    "quality_metrics",
    "anomalies",
    "algorithm_parameters",
    "notes",
)


class _ResultViewSet(Listed, RowViewSet):
    """What both kinds of result have in common."""

    def get_queryset(self) -> QuerySet[Any]:
        """A list is summed up by the database; what can be large stays there."""
        rows: QuerySet[Any] = super().get_queryset()
        if self.current_action() != "list":
            return rows
        summed: QuerySet[Any] = rows.defer(*_LARGE).annotate(
            void_text=KeyTextTransform("void_ratio", "negative_space_data"),
            anomaly_count=Func(
                F("anomalies"), function="jsonb_array_length", output_field=IntegerField()
            ),
        )
        return summed

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One result with all its figures; that it was read is noted in the audit log."""
        return result_answer(request, self.get_object())

    @extend_schema(responses=AnomalyListSerializer)
    @action(detail=True)
    def anomalies(self, request: Request, pk: UUID) -> Response:
        """What a reviewer should know, in words; that it was read is noted in the audit log."""
        result: AnyResult = self.get_object()
        results.viewed(result, by=caller_of(request))
        return Response({"results": _anomalies(result.anomalies)})

    @extend_schema(
        parameters=[OpenApiParameter("name", str, "path", enum=list(DRAWINGS))],
        responses={
            (200, files.WEBP): OpenApiTypes.BINARY,
            (200, files.SVG): OpenApiTypes.STR,
            304: OpenApiResponse(description="Unchanged."),
        },
    )
    @action(
        detail=True,
        url_path="drawings/<str:name>",
        url_name="drawing",
        renderer_classes=[files.FileRenderer],
    )
    def drawing(self, request: Request, pk: UUID, name: str) -> HttpResponseBase:
        """A drawing of the result.

        `visualization`, `ground` and `outline` are pictures (WebP) over the preview; `shapes`,
        `margins` and `clearance` are diagrams (SVG) of the stored figures, and reading one is noted
        in the audit log.
        """
        result: AnyResult = self.get_object()
        if name in results.LAYERS:
            if not _FINGERPRINT.fullmatch(result.algorithm_fingerprint):
                raise Http404
            path = paths.layer(result.image_id, result.algorithm_fingerprint, name)
            return files.picture(request, path, f"{name}.webp")
        draw = _DIAGRAMS.get(name)
        drawn = draw(result.negative_space_data) if draw else ""
        if not drawn:
            raise Http404
        results.viewed(result, by=caller_of(request))
        return files.shown(request, str(drawn).encode(), name=f"{name}.svg", kind=files.SVG)


class ResultViewSet(_ResultViewSet):
    """The result in force of each image."""

    tag = "Results"
    queryset = AnalysisResult.objects.all()
    filterset_class = ResultFilters
    orders: ClassVar[Mapping[str, Sequence[Any]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
        # idx_analysis_results_confidence_score
        "confidence": (F("confidence_score").desc(nulls_last=True), "-pk"),
        "doubtful": (F("confidence_score").asc(nulls_first=True), "pk"),
    }
    matching_actions: ClassVar[frozenset[str]] = frozenset({"note"})
    permission: ClassVar[Mapping[str, str]] = {
        "list": "imaging.view_analysisresult",
        "retrieve": "imaging.view_analysisresult",
        "anomalies": "imaging.view_analysisresult",
        "drawing": "imaging.view_analysisresult",
        "note": "imaging.change_analysisresult",
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ_RESULTS,
        "retrieve": READ_RESULTS,
        "anomalies": READ_RESULTS,
        "drawing": READ_RESULTS,
        "note": WRITE_RESULTS,
    }

    def get_serializer_class(self) -> Any:
        """A list leaves out the figures."""
        return ResultSerializer if self.current_action() == "list" else ResultDetailSerializer

    @extend_schema(request=NoteToWriteSerializer, responses=NoteSerializer)
    @action(detail=True, methods=["put"])
    def note(self, request: Request, pk: UUID) -> Response:
        """Write the note on the result; `If-Match` is the ETag of the result."""
        with self.changing() as result:
            text: str | None = checked(NoteToWriteSerializer(data=request.data))["notes"]
            written = images.write_note(
                result.image_id, text or "", seen=result.updated_at, by=caller_of(request)
            )
        response = Response(NoteSerializer(written).data)
        return preconditions.tag(response, self.etag(written))


class EarlierResultViewSet(_ResultViewSet):
    """Results that another replaced, as they were; nobody changes them."""

    tag = "Results"
    queryset = AnalysisResultHistory.objects.all()
    filterset_class = EarlierResultFilters
    permission = "imaging.view_analysisresulthistory"
    scope = READ_RESULTS

    def get_serializer_class(self) -> Any:
        """A list leaves out the figures."""
        if self.current_action() == "list":
            return EarlierResultSerializer
        return EarlierResultDetailSerializer


def result_answer(request: Request, result: AnyResult) -> Response:
    """All of a result, noted as read; or 304 when the caller has it."""
    etag = preconditions.etag_of(result)
    if preconditions.is_unchanged(request, etag):
        return preconditions.not_modified(etag)
    results.viewed(result, by=caller_of(request))
    if isinstance(result, AnalysisResult):
        return preconditions.tag(Response(ResultDetailSerializer(result).data), etag)
    return preconditions.tag(Response(EarlierResultDetailSerializer(result).data), etag)


def _anomalies(stored: Any) -> list[dict[str, Any]]:
    found = [item for item in stored if isinstance(item, dict)] if isinstance(stored, list) else []
    found.sort(key=lambda item: _GRAVITY.get(str(item.get("severity")), len(_GRAVITY)))
    return [_anomaly(item) for item in found]


_GRAVITY: Final = {"critical": 0, "warning": 1, "info": 2}


def _anomaly(item: dict[str, Any]) -> dict[str, Any]:
    (told,) = anomalies.described([item])
    return {
        "code": str(item.get("code", "unnamed")),
        "severity": told.severity,
        "title": told.title,
        "meaning": told.meaning,
        "advice": told.advice,
        "value": _number(item.get("value")),
        "limit": _number(item.get("limit")),
    }


def _number(value: Any) -> float | None:
    value = plain(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
