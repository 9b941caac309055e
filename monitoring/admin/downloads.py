"""Maps, distances, anomalies and alerts as files for reports: PNG, SVG and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from monitoring.admin import map_data, pictures
from monitoring.admin.map_data import UNJUDGED, Samples
from monitoring.admin.map_views import map_of
from monitoring.admin.pictures import Sheet
from monitoring.admin.pictures import days as day_picture
from monitoring.admin.pictures import distances as distance_picture
from monitoring.admin.pictures import maps as map_picture
from monitoring.admin.questions import days
from monitoring.admin.region import region
from monitoring.admin.shown import RANKS, SCORES, group_words
from monitoring.models import Alert, Anomaly, BaselineMap

_KINDS: Final = {"png": "image/png", "svg": "image/svg+xml", "csv": "text/csv; charset=utf-8"}
# What a spreadsheet takes for a formula is written behind an apostrophe: also behind one that is
# there, and in the wide letters that some versions treat alike (OWASP, "CSV injection").
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
MOST_ROWS: Final = 100_000
_DAYS: Final = 90

Draw = Callable[[Sheet], None]


@require_safe
@transaction.atomic
def of_map(request: HttpRequest, dataset_id: UUID, map_id: UUID, wanted: str) -> HttpResponse:
    """``map.png`` and its kin: the whole map, or the distance of its samples over time."""
    chosen = map_of(request, dataset_id, map_id)
    subject, _, kind = wanted.partition(".")
    if kind not in _KINDS or subject not in {"map", "distances"}:
        raise Http404("There are map and distances, each as png, svg and csv.")
    found = map_data.samples(chosen)
    name = f"{subject}-{chosen.pk.hex[-8:]}.{kind}"
    if kind == "csv":
        rows = _map_rows(chosen, found) if subject == "map" else _distance_rows(found)
        return attached(lines(rows), name)
    if subject == "map":
        places = map_data.healthy(chosen)
        return picture(
            name,
            map_picture.map_title(found.severities),
            (map_picture.WIDTH, map_picture.HEIGHT),
            lambda sheet: pictures.map_picture(
                sheet, places, found.places, found.severities, region(places)
            ),
        )
    return picture(
        name,
        distance_picture.distances_title(found.scores, found.severities),
        (distance_picture.WIDTH, distance_picture.HEIGHT),
        lambda sheet: pictures.distances_over_time(
            sheet,
            found.order,
            found.scores,
            found.severities,
            found.batches,
            score=SCORES.get(chosen.config.score, "distance"),
        ),
    )


def of_anomalies(rows: QuerySet[Anomaly], kind: str) -> HttpResponse:
    """Anomalies: as CSV each of them, as a picture how many there were on each day."""
    return _listed("anomalies", kind, rows, "timestamp", _anomaly_rows)


def of_alerts(rows: QuerySet[Alert], kind: str) -> HttpResponse:
    """Alerts: as CSV each of them, as a picture how many began on each day."""
    return _listed("alerts", kind, rows, "created_at", _alert_rows)


def _listed(
    noun: str,
    kind: str,
    rows: QuerySet[Any],
    moment: str,
    written: Callable[[QuerySet[Any]], Iterator[Sequence[Any]]],
) -> HttpResponse:
    if kind not in _KINDS:
        raise Http404("There are png, svg and csv.")
    name = f"{noun}-{timezone.now():%Y-%m-%d}.{kind}"
    if kind == "csv":
        return attached(lines(written(rows)), name)
    counted = days(rows, timezone.now() - timedelta(days=_DAYS), moment)
    return picture(
        name,
        day_picture.days_title(counted, noun),
        (day_picture.WIDTH, day_picture.HEIGHT),
        lambda sheet: pictures.bars_by_day(sheet, counted, noun),
    )


def addresses(page: str, request: HttpRequest) -> list[tuple[str, str]]:
    """The kinds of files of a list, each with its address, filters and all."""
    query = request.GET.urlencode()
    return [
        (kind.upper(), f"{reverse(f'admin:{page}', args=[kind])}?{query}")
        for kind in ("png", "svg", "csv")
    ]


# --- Answers --------------------------------------------------------------------------------------


def picture(name: str, title: str, size: tuple[int, int], draw: Draw) -> HttpResponse:
    """The drawing in the kind that its name ends in."""
    if name.endswith(".png"):
        pixels = pictures.PngSheet(*size, title=title)
        draw(pixels)
        return attached(pixels.to_bytes(), name)
    sheet = pictures.SvgSheet(*size, title=title)
    draw(sheet)
    return attached(str(sheet).encode(), name)


def attached(body: bytes, name: str) -> HttpResponse:
    """The bytes as a file to keep."""
    response = HttpResponse(body, content_type=_KINDS[name.rpartition(".")[2]])
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """The rows as CSV (RFC 4180), with a byte order mark so that spreadsheets read the text."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(value: Any) -> Any:
    """Numbers as they are, moments in UTC, texts so that no spreadsheet computes them."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, (int, float)):
        return value
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text


# --- Rows -----------------------------------------------------------------------------------------


def _map_rows(chosen: BaselineMap, found: Samples) -> Iterator[Sequence[Any]]:
    yield ("kind", "number", "x", "y", "distance", "p_value", "severity", "off_map")
    shown = map_data.shown_healthy(chosen.row_count)
    for row, (x, y) in zip(shown.tolist(), map_data.healthy(chosen).tolist(), strict=True):
        yield ("healthy", row + 1, round(x, 6), round(y, 6), None, None, None, None)
    for place in range(len(found.order)):
        x, y = found.places[place].tolist()
        judged = _judged(found, place)
        yield ("sample", int(found.order[place]), round(x, 6), round(y, 6), *judged)


def _judged(found: Samples, place: int) -> tuple[Any, ...]:
    severity = int(found.severities[place])
    return (
        float(found.scores[place]),
        float(found.p_values[place]),
        RANKS[severity] if severity != UNJUDGED else None,
        bool(found.off_map[place]),
    )


def _distance_rows(found: Samples) -> Iterator[Sequence[Any]]:
    yield ("number", "at", "file", "distance", "threshold", "p_value", "severity", "off_map")
    for one in found.batches:
        for place in range(one.first, one.first + one.count):
            distance, *rest = _judged(found, place)
            number = int(found.order[place])
            yield (number, one.at, one.file, distance, one.threshold, *rest)


def _anomaly_rows(rows: QuerySet[Anomaly]) -> Iterator[Sequence[Any]]:
    yield (
        "id", "at", "dataset", "severity", "distance", "threshold", "p_value", "ratio", "off_map",
        "file_row", "features", "acknowledged_by", "acknowledged_at",
    )  # fmt: skip
    known = rows.select_related("dataset", "acknowledged_by")[:MOST_ROWS]
    for one in known.iterator(chunk_size=2000):
        yield (
            one.pk, one.timestamp, one.dataset.name, one.severity, one.distance, one.threshold,
            one.p_value, one.ratio, one.off_map, one.file_row, _features(one.features),
            one.acknowledged_by, one.acknowledged_at,
        )  # fmt: skip


def _alert_rows(rows: QuerySet[Alert]) -> Iterator[Sequence[Any]]:
    yield (
        "id", "rule", "dataset", "phase", "severity", "group", "samples", "first_seen", "last_seen",
        "acknowledged_by", "acknowledged_at", "resolved_by", "resolved_at", "note",
    )  # fmt: skip
    known = rows.select_related("alert_rule", "dataset", "acknowledged_by", "resolved_by")
    for one in known[:MOST_ROWS].iterator(chunk_size=2000):
        yield (
            one.pk, one.alert_rule.name, one.dataset.name, one.phase, one.severity,
            group_words(one.group_values), one.count, one.first_seen_at, one.last_seen_at,
            one.acknowledged_by, one.acknowledged_at, one.resolved_by, one.resolved_at,
            one.resolution_note,
        )  # fmt: skip


def _features(said: Any) -> str:
    if not isinstance(said, list):
        return ""
    return "; ".join(
        f"{one.get('name')} {one.get('deviation'):+.3g}"
        for one in said
        if isinstance(one, dict) and isinstance(one.get("deviation"), (int, float))
    )
