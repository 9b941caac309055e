"""The page of one dataset: its map, the distance over time, what happened, what was done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.admin.posting import require
from config.admin.formats import NOTHING, badge, number, percent
from config.admin.tiles import Tile
from monitoring.admin import columns, map_data, shown
from monitoring.admin.analyses import sentence_of
from monitoring.admin.posting import as_id, page
from monitoring.admin.questions import MOST_MAPS, maps_of, open_alerts, open_anomalies
from monitoring.admin.sections import ASK, CHANGE_DATASETS, SEE_ALERTS, SEE_DATASETS, SEE_RULES
from monitoring.models import (
    Analysis,
    AnalysisStatus,
    AnalysisType,
    Anomaly,
    BaselineMap,
    Dataset,
)

_LATEST: Final = 10
_MOST_FEATURES: Final = 2000
# Of a good map; docs/maps.md says what each means.
_GOOD_CORRELATION: Final = 0.7


@transaction.atomic
def view(request: HttpRequest, object_id: str) -> HttpResponse:
    """Everything about a dataset; it changes nothing itself."""
    require(request, SEE_DATASETS)
    key = as_id(object_id)
    dataset = Dataset.objects.select_related("user").filter(pk=key).first() if key else None
    if dataset is None:
        messages.warning(request, f"There is no dataset {object_id[:64]}.")
        return HttpResponseRedirect(reverse("admin:monitoring_dataset_changelist"))
    maps = list(maps_of(dataset.pk)[:MOST_MAPS])
    chosen = _chosen(request.GET.get("map", ""), maps)
    latest = _analyses(dataset)
    context = {
        "dataset": dataset,
        "state": badge("In use", "good") if dataset.is_active else badge("Put away"),
        "kicker": "Dataset",
        "chosen": chosen,
        "maps": [(one, one == chosen) for one in maps],
        "tiles": _tiles(dataset, chosen, latest),
        "analyses": latest,
        "live": next((one for one in reversed(latest) if one["live"]), None),
        "anomalies": _anomalies(dataset),
        "alerts": _alerts(request, dataset),
        "may_ask": dataset.is_active and request.user.has_perm(ASK),
        "may_change": request.user.has_perm(CHANGE_DATASETS),
        "may_see_rules": request.user.has_perm(SEE_RULES),
        "noted": dataset.noted,
        "more_keys": _KEYS,
        **(_map_context(dataset, chosen) if chosen else {}),
    }
    return page(request, "dataset", dataset.name, context)


# What the map's keys do, for the list of keys; each is on a button or on the map itself.
_KEYS: Final = (
    ("Arrows", "Move the map, or the box; with Shift they change the box"),
    ("↵", "Open the sample under the mark, or keep the box"),
    ("Esc", "Leave the box or the lasso, then forget the selection"),
)


def _chosen(asked: str, maps: Sequence[BaselineMap]) -> BaselineMap | None:
    """The map that the address names, or the one on which new samples are placed."""
    named = next((one for one in maps if str(one.pk) == asked), None)
    usable = next((one for one in maps if one.takes_samples), None)
    return named or usable or (maps[0] if maps else None)


def _map_context(dataset: Dataset, chosen: BaselineMap) -> dict[str, Any]:
    last, _, packed = map_data.sizes(chosen.pk)
    batches = list(_batches(dataset, chosen))
    return {
        "samples": last,
        "shown_samples": min(last, map_data.MOST_SAMPLES),
        "packed": packed,
        "metadata_columns": _columns(chosen),
        "feature_columns": chosen.features[:_MOST_FEATURES],
        "score": shown.SCORES.get(chosen.config.score, chosen.config.score),
        "quality": _quality(chosen),
        "batches": batches,
        "wiring_json": json.dumps(_wiring(dataset, chosen)),
        "downloads": _downloads(dataset, chosen),
    }


def _columns(chosen: BaselineMap) -> list[str]:
    names: list[str] = columns.names(chosen)
    return names


def _address(name: str, dataset: Dataset, chosen: BaselineMap, *more: object) -> str:
    return reverse(f"admin:monitoring_dataset_{name}", args=[dataset.pk, chosen.pk, *more])


def _wiring(dataset: Dataset, chosen: BaselineMap) -> dict[str, Any]:
    """What the page's scripts need."""
    return {
        "points": _address("points", dataset, chosen),
        "column": _address("column", dataset, chosen),
        "sample": _address("sample", dataset, chosen, 0),
        "healthy": _address("healthy", dataset, chosen, 0),
    }


def _downloads(dataset: Dataset, chosen: BaselineMap) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (
            word,
            [
                (kind.upper(), _address("download", dataset, chosen, f"{name}.{kind}"))
                for kind in ("png", "svg", "csv")
            ],
        )
        for word, name in (("Map", "map"), ("Distances", "distances"))
    ]


def _quality(chosen: BaselineMap) -> list[tuple[str, str, str]]:
    """Name, figure, and what it means."""
    return [
        ("Healthy rows", number(chosen.row_count), "of which the map was made"),
        ("Stress", shown.figure(chosen.stress, 3), "0 is a perfect picture of the distances"),
        (
            "Trustworthiness",
            shown.figure(chosen.trustworthiness, 3),
            "1: whoever is near on the map is near in the features",
        ),
        (
            "Correlation",
            shown.figure(chosen.correlation, 3),
            "of the map's distances with those of the features",
        ),
        (
            "Calibrated",
            chosen.calibrated or NOTHING,
            f"{number(chosen.calibration_count)} scores of healthy rows",
        ),
    ]


def _tiles(
    dataset: Dataset, chosen: BaselineMap | None, latest: Sequence[dict[str, Any]]
) -> list[Tile]:
    unseen = open_anomalies(dataset.pk)
    waiting = open_alerts().filter(dataset=dataset).count()
    anomalies = f"{reverse('admin:monitoring_anomaly_changelist')}?dataset={dataset.pk}&seen=no"
    alerts = f"{reverse('admin:monitoring_alert_changelist')}?dataset={dataset.pk}"
    tiles = [
        Tile(
            "Open alerts",
            number(waiting),
            "none is normal",
            "bad" if waiting else "good",
            alerts if waiting else "",
        ),
        Tile(
            "Anomalies nobody has seen",
            str(unseen),
            "acknowledge those that are explained",
            "warning" if unseen else "good",
            anomalies if unseen else "",
        ),
    ]
    placed = next((one for one in latest if one["share"] is not None), None)
    if placed:
        level = placed["level"]
        is_odd = placed["share"] > 3 * level
        tiles.append(
            Tile(
                "Anomalous in the last file",
                percent(placed["share"]),
                f"healthy machines: about {percent(level)}",
                "warning" if is_odd else "good",
                placed["url"],
            )
        )
    if chosen and chosen.correlation is not None:
        is_good = chosen.correlation >= _GOOD_CORRELATION
        tiles.append(
            Tile(
                "The map draws distances",
                f"{chosen.correlation:.2f}",
                "1 is perfect; below 0.7 trust the distance, not the picture",
                "good" if is_good else "warning",
            )
        )
    return tiles


def _analyses(dataset: Dataset) -> list[dict[str, Any]]:
    """The last ones, as rows of a table."""
    rows = Analysis.objects.filter(dataset=dataset).select_related("file_upload", "created_by")
    return [_analysis(one) for one in rows.newest_first()[:_LATEST]]


def _analysis(one: Analysis) -> dict[str, Any]:
    results = one.results or {}
    is_place = one.analysis_type == AnalysisType.PLACE and one.status == AnalysisStatus.COMPLETED
    rows, anomalous = results.get("rows"), results.get("anomalous")
    share = None
    if is_place and isinstance(rows, int) and isinstance(anomalous, int) and rows > 0:
        share = anomalous / rows
    return {
        "url": reverse("admin:monitoring_analysis_change", args=[one.pk]),
        "what": shown.analysis_word(one.analysis_type),
        "file": one.file_upload.original_filename,
        "state": shown.analysis_badge(one.status),
        "live": one.status in one.states.live,
        "status_url": reverse("admin:monitoring_analysis_status", args=[one.pk]),
        "sentence": sentence_of(one),
        "done": one.progress_done,
        "total": one.progress_total,
        "rows": number(rows if isinstance(rows, int) else None),
        "anomalous": number(anomalous if isinstance(anomalous, int) else None),
        "share": share,
        "level": float(results.get("alarm_level") or 0.01),
        "worst": shown.severity_badge(results["worst"]) if results.get("worst") else "",
        "at": one.completed_at or one.created_at,
    }


def _batches(dataset: Dataset, chosen: BaselineMap) -> list[dict[str, Any]]:
    """The files placed on the map: the chart of distances as a table."""
    rows = Analysis.objects.filter(
        dataset=dataset,
        dinsight=chosen,
        analysis_type=AnalysisType.PLACE,
        status=AnalysisStatus.COMPLETED,
    ).select_related("file_upload")
    return [
        _analysis(one) | {"threshold": shown.figure((one.results or {}).get("threshold"))}
        for one in rows.newest_first()[:100]
    ]


def _anomalies(dataset: Dataset) -> list[dict[str, Any]]:
    rows = Anomaly.objects.open().filter(dataset=dataset).newest_first()[:_LATEST]
    return [
        {
            "url": reverse("admin:monitoring_anomaly_change", args=[one.pk]),
            "severity": shown.severity_badge(one.severity),
            "distance": shown.figure(one.distance),
            "threshold": shown.figure(one.threshold),
            "at": one.timestamp,
            "why": ", ".join(
                str(feature.get("name"))
                for feature in one.features[:3]
                if isinstance(feature, dict)
            )
            if isinstance(one.features, list)
            else "",
            "order": one.process_order,
        }
        for one in rows
    ]


def _alerts(request: HttpRequest, dataset: Dataset) -> list[dict[str, Any]]:
    if not request.user.has_perm(SEE_ALERTS):
        return []
    rows = open_alerts().filter(dataset=dataset).select_related("alert_rule")
    return [
        {
            "url": reverse("admin:monitoring_alert_change", args=[one.pk]),
            "rule": one.alert_rule.name,
            "severity": shown.severity_badge(one.severity),
            "phase": shown.phase_badge(one),
            "group": shown.group_words(one.group_values),
            "at": one.last_seen_at,
        }
        for one in rows.order_by("-created_at", "-id")[:_LATEST]
    ]
