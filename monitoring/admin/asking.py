"""What is done with a dataset from its page: making a map, placing samples, putting it away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http import HttpResponseRedirect as Redirect
from django.views.decorators.http import require_http_methods, require_POST

from accounts.admin.posting import person, require
from ingestion.models import FileStatus, FileUpload
from monitoring.actions import configuring, datasets, requesting
from monitoring.actions.requesting import Asked
from monitoring.admin.posting import as_id, attempted, found, page
from monitoring.admin.questions import MOST_MAPS, maps_of
from monitoring.admin.sections import ASK, CHANGE_DATASETS, SEE_DATASETS
from monitoring.admin.shown import dataset_url
from monitoring.models import Analysis, Dataset, MapConfig

_MOST_FILES: Final = 200
_MOST_CONFIGS: Final = 20


def views() -> dict[str, Callable[..., HttpResponseBase]]:
    """The views by the last part of their address."""
    return {
        "fit": require_http_methods(["GET", "HEAD", "POST"])(fit),
        "place": require_http_methods(["GET", "HEAD", "POST"])(place),
        "archive": require_POST(archive),
        "reopen": require_POST(reopen),
    }


def _dataset(request: HttpRequest, dataset_id: UUID, permission: str) -> Dataset:
    require(request, SEE_DATASETS)
    require(request, permission)
    dataset: Dataset = found(Dataset.objects.select_related("user"), dataset_id)
    return dataset


def _files(dataset: Dataset) -> Sequence[FileUpload]:
    """Files of the owner that can be analysed, the newest first."""
    rows = FileUpload.objects.filter(user=dataset.user_id, status=FileStatus.READY)
    light = rows.defer("column_kinds", "remarks", "header")
    return list(light.order_by("-created_at", "-id")[:_MOST_FILES])


def _file(request: HttpRequest, dataset: Dataset) -> FileUpload | None:
    key = as_id(request.POST.get("file", ""))
    return FileUpload.objects.filter(pk=key, user=dataset.user_id).first() if key else None


# --- Making a map ---------------------------------------------------------------------------------


def fit(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """Choose a file of the healthy machine; a POST has its map made."""
    dataset = _dataset(request, dataset_id, ASK)
    if request.method == "POST":
        by, file = person(request), _file(request, dataset)

        def ask() -> Asked | None:
            if file is None:
                return None
            return requesting.request_fit(dataset, file, by=by, config=_config(request))

        return _asked(request, dataset, ask)
    configs = MapConfig.objects.order_by("-id")[:_MOST_CONFIGS]
    context = {
        "dataset": dataset,
        "purpose": "A map is made of rows of the healthy machine alone. New samples are held"
        " against it.",
        "files": _files(dataset),
        "chosen_file": request.GET.get("file", ""),
        "configs": list(configs) or [configuring.in_force()],
    }
    return page(request, "fit", f"Make a map of {dataset}", context)


def _config(request: HttpRequest) -> MapConfig | None:
    said = request.POST.get("config", "")
    return MapConfig.objects.filter(pk=int(said)).first() if _is_number(said) else None


def _is_number(said: str) -> bool:
    return said.isdecimal() and len(said) < 10


# --- Placing samples ------------------------------------------------------------------------------


def place(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """Choose a file of new samples; a POST has them placed and judged."""
    dataset = _dataset(request, dataset_id, ASK)
    maps = [one for one in maps_of(dataset.pk)[:MOST_MAPS] if one.takes_samples]
    if request.method == "POST":
        by, file = person(request), _file(request, dataset)
        chosen = next((one for one in maps if str(one.pk) == request.POST.get("map")), None)

        def ask() -> Asked | None:
            if file is None:
                return None
            return requesting.request_place(
                dataset,
                file,
                by=by,
                map=chosen,
                alarm_level=_level(request),
                again=request.POST.get("again") == "yes",
            )

        return _asked(request, dataset, ask)
    context = {
        "dataset": dataset,
        "purpose": "Each row of the file is placed on the map and judged; those that leave the"
        " healthy region become anomalies.",
        "files": _files(dataset),
        "maps": maps,
        "chosen_map": request.GET.get("map", ""),
    }
    return page(request, "place", f"Place samples of {dataset}", context)


def _level(request: HttpRequest) -> float | None:
    """The alarm level that was written; what is no number lies outside and is refused."""
    said = request.POST.get("alarm_level", "").strip()
    if not said:
        return None
    try:
        return float(said)
    except ValueError:
        return -1.0


def _asked(request: HttpRequest, dataset: Dataset, ask: Callable[[], Asked | None]) -> HttpResponse:
    """To the dataset's page, which shows how far it is; back to the form when it is refused."""
    asked, refused = attempted(ask, Analysis)
    if asked is None:
        messages.warning(request, refused or "Choose a file first.")
        return Redirect(request.get_full_path())
    if asked.created:
        messages.success(request, "It is in line. This page shows how far it is.")
    else:
        messages.info(request, "The same was asked for already; it waits or runs.")
    return Redirect(dataset_url(dataset.pk))


# --- Putting it away ------------------------------------------------------------------------------


def archive(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """Put the dataset away."""
    return _changed(request, dataset_id, datasets.archive, "It is put away, and can be reopened.")


def reopen(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """Use it again."""
    return _changed(request, dataset_id, datasets.reopen, "It is in use again.")


def _changed(
    request: HttpRequest, dataset_id: UUID, change: Callable[..., Dataset], done: str
) -> HttpResponse:
    dataset = _dataset(request, dataset_id, CHANGE_DATASETS)
    by = person(request)
    changed, refused = attempted(lambda: change(dataset.pk, by=by), Dataset)
    if changed is None:
        messages.warning(request, refused)
    else:
        messages.success(request, done)
    return Redirect(dataset_url(dataset.pk))
