"""What the scripts of a dataset's page ask: the points of a map, a column, one point in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import get_conditional_response
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from accounts.admin.posting import require
from monitoring.admin import columns, explaining, map_data, shown
from monitoring.admin.explaining import Told
from monitoring.admin.pictures import deviation_bars
from monitoring.admin.questions import maps_of
from monitoring.admin.sections import SEE_DATASETS
from monitoring.models import BaselineMap

_BYTES = "application/octet-stream"
# A feature of a hundred thousand samples is picked out of their whole matrix.
_TIMEOUT_MS = 30_000


def map_of(request: HttpRequest, dataset_id: UUID, map_id: UUID) -> BaselineMap:
    """The map of the dataset; Http404 for one that is somebody else's."""
    require(request, SEE_DATASETS)
    chosen = maps_of(dataset_id).filter(pk=map_id).first()
    if chosen is None:
        raise Http404("The dataset has no such map, or it belongs to somebody else.")
    return chosen


@require_safe
@transaction.atomic
def points(request: HttpRequest, dataset_id: UUID, map_id: UUID) -> HttpResponse:
    """Every point, as ``map_data.encoded`` writes them; unchanged while no samples come."""
    chosen = map_of(request, dataset_id, map_id)

    def body() -> bytes:
        return map_data.encoded(map_data.healthy(chosen), map_data.samples(chosen))

    return _bytes(request, map_data.tag(chosen), body)


@require_safe
@transaction.atomic
def column(request: HttpRequest, dataset_id: UUID, map_id: UUID) -> HttpResponse:
    """What the points are coloured by: ``?name=`` a metadata column or a feature."""
    chosen = map_of(request, dataset_id, map_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(_TIMEOUT_MS)])
    name = request.GET.get("name", "")
    try:
        body = columns.column(chosen, name)
    except columns.NoSuchColumn as error:
        raise Http404(str(error)) from None
    return _private(HttpResponse(body, content_type=_BYTES))


@require_safe
@transaction.atomic
def sample(request: HttpRequest, dataset_id: UUID, map_id: UUID, order: int) -> HttpResponse:
    """One sample in full, as a part of the page."""
    return _told(request, dataset_id, map_id, lambda chosen: explaining.sample(chosen, order))


@require_safe
@transaction.atomic
def healthy(request: HttpRequest, dataset_id: UUID, map_id: UUID, row: int) -> HttpResponse:
    """One healthy row in full, as a part of the page; counted from 0 among those shown."""

    def look(chosen: BaselineMap) -> Told | None:
        places = map_data.shown_healthy(chosen.row_count)
        return explaining.healthy(chosen, int(places[row]) + 1) if row < len(places) else None

    return _told(request, dataset_id, map_id, look)


def _told(
    request: HttpRequest,
    dataset_id: UUID,
    map_id: UUID,
    look: Callable[[BaselineMap], Told | None],
) -> HttpResponse:
    chosen = maps_with_bytes(request, dataset_id, map_id)
    told = look(chosen)
    if told is None:
        raise Http404("The map has no such point.")
    context: dict[str, Any] = {
        "told": told,
        "score": shown.SCORES.get(chosen.config.score, chosen.config.score),
        "distance": shown.figure(told.score),
        "p_value": shown.figure(told.p_value, 3),
        "severity": shown.severity_badge(told.severity),
        "place": f"{shown.figure(told.x)}, {shown.figure(told.y)}",
        "bars": _drawn(told) if told.features else "",
        "metadata": list(told.metadata.items()),
    }
    response = TemplateResponse(request, "monitoring/parts/point.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def _drawn(told: Told) -> SafeString:
    svg = deviation_bars(told.features, narrow=True)
    return mark_safe(svg)  # noqa: S308 - our own drawing, every word in it escaped


def maps_with_bytes(request: HttpRequest, dataset_id: UUID, map_id: UUID) -> BaselineMap:
    """The map with what placing needs."""
    map_of(request, dataset_id, map_id)
    rows = BaselineMap.objects.select_related("config").defer("x_values", "y_values")
    return rows.get(pk=map_id)


def _bytes(request: HttpRequest, tag: str, body: Callable[[], bytes]) -> HttpResponse:
    unchanged = get_conditional_response(request, etag=tag)
    response = unchanged or HttpResponse(body(), content_type=_BYTES)
    response["ETag"] = tag
    return _private(response)


def _private(response: Any) -> HttpResponse:
    response["Cache-Control"] = "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    answer: HttpResponse = response
    return answer
