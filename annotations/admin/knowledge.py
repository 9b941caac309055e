"""What reviews taught: what confidences mean, providers side by side, reviewers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST, require_safe

from accounts.admin.posting import person
from annotations import pictures
from annotations.actions import calibrating, comparing, recalibrating
from annotations.admin.sections import sections
from annotations.errors import NotNow
from annotations.knowledge import queries, reviewers
from annotations.knowledge.comparison import Comparison, Figure
from annotations.knowledge.errors import NotEnoughKnown, NothingToCompare
from annotations.knowledge.reviewers import Period, Reviewer, Share
from annotations.models import ConfidenceCalibration
from config.admin.formats import NOTHING, badge, duration, moment, number, percent
from config.admin.registry import Page

SEE: Final = "annotations.view_annotation"
# How people work is shown to those who run the review.
SEE_PEOPLE: Final = "annotations.change_imagecollection"
DAYS: Final = (7, 30, 90, 365)
_USUAL_DAYS: Final = 30
_TABS: Final = (
    ("Confidence", "annotations_knowledge", SEE),
    ("Providers", "annotations_knowledge_providers", SEE),
    ("Reviewers", "annotations_knowledge_reviewers", SEE_PEOPLE),
)


def _page(
    request: HttpRequest, template: str, title: str, purpose: str, context: dict[str, Any]
) -> HttpResponse:
    request.current_app = admin.site.name
    here = request.resolver_match.url_name if request.resolver_match else ""
    tabs = [
        (word, reverse(f"admin:{name}"), name == here)
        for word, name, permission in _TABS
        if request.user.has_perm(permission)
    ]
    common = {
        **admin.site.each_context(request),
        "title": title,
        "purpose": purpose,
        "sections": sections(request),
        "tabs": tabs,
    }
    return TemplateResponse(request, f"annotations/{template}.html", {**common, **context})


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied("Your role may not see this.")


def _drawn(svg: str) -> SafeString:
    return mark_safe(svg)  # noqa: S308 - our own drawing, every word in it escaped


# --- Confidence -----------------------------------------------------------------------------------


@require_safe
@transaction.atomic
def confidence(request: HttpRequest) -> HttpResponse:
    """What the confidence of a provider's model means, now and by the curve in force."""
    _require(request, SEE)
    known = queries.decided_models()
    chosen = _chosen(request.GET.get("model", ""), known)
    context: dict[str, Any] = {
        "models": [(str(of), count, of == chosen) for of, count in known],
        "curves": [_curve_row(one) for one in _latest_curves()],
        "least": calibrating.LEAST_DECISIONS,
        "may_calibrate": request.user.has_perm(SEE_PEOPLE),
    }
    if chosen:
        try:
            fitted = calibrating.fit(chosen)
        except NotEnoughKnown as error:
            context["too_few"] = str(error)
        else:
            held = fitted.held_out
            context["fitted"] = fitted
            context["picture"] = _drawn(pictures.reliability_diagram(held.before, held.after))
    return _page(
        request,
        "knowledge",
        "Confidence",
        "What a provider's confidence has meant so far, by what people decided.",
        context,
    )


@require_POST
def calibrate(request: HttpRequest) -> HttpResponse:
    """Queue learning anew, of every model that enough was decided on."""
    try:
        job = recalibrating.request(by=person(request))
    except NotNow as error:
        messages.warning(request, str(error))
        return HttpResponseRedirect(reverse("admin:annotations_knowledge"))
    messages.success(request, "Calibrating is queued. This page shows how far it is.")
    return HttpResponseRedirect(reverse("admin:annotations_batchjob_change", args=[job.pk]))


def _chosen(asked: str, known: list[tuple[queries.Model, int]]) -> queries.Model | None:
    """The model that was asked for, or the one that most was decided on."""
    for of, _ in known:
        if str(of) == asked:
            return of
    return max(known, key=lambda one: one[1])[0] if known else None


def _latest_curves() -> list[ConfidenceCalibration]:
    return list(ConfidenceCalibration.objects.order_by("-created_at", "-id")[:20])


def _curve_row(one: ConfidenceCalibration) -> dict[str, Any]:
    return {
        "name": str(queries.Model(one.provider, one.model)),
        "state": badge("in force", "good") if one.is_active else badge("not in force"),
        "decisions": number(one.sample_count),
        "ece": f"{one.ece_before:.3f} → {one.ece_after:.3f}",
        "brier": f"{one.brier_before:.3f} → {one.brier_after:.3f}",
        "made": moment(one.created_at),
    }


# --- Providers ------------------------------------------------------------------------------------

_FIGURES: Final = {
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "mean_iou": "Mean overlap",
    "cost_per_accepted": "Cost per accepted box, $",
}


@require_safe
@transaction.atomic
def providers(request: HttpRequest) -> HttpResponse:
    """All providers on the images that each of them looked at and people finished."""
    _require(request, SEE)
    days = _days(request)
    known = queries.known_providers()
    wanted = [name for name in request.GET.getlist("provider") if name in known] or known
    context: dict[str, Any] = {
        "spans": _spans(days),
        "known": [(name, name in wanted) for name in known],
        "days": days,
    }
    try:
        compared = comparing.compare(wanted, since=_since(days))
    except NothingToCompare as error:
        context["nothing"] = str(error)
    else:
        context |= _side_by_side(compared)
    return _page(
        request,
        "knowledge_providers",
        "Providers",
        "The same images, held against what people decided: how right, how complete, how dear and"
        " how fast.",
        context,
    )


def _side_by_side(compared: Comparison) -> dict[str, Any]:
    names = list(compared.standings)
    standings = list(compared.standings.values())
    rows = [
        (word, [_figure(one.figures[key]) for one in standings]) for key, word in _FIGURES.items()
    ]
    rows += [
        ("Latency p50", [_milliseconds(one.latency_p50) for one in standings]),
        ("Latency p95", [_milliseconds(one.latency_p95) for one in standings]),
    ]
    counts = [
        f"{number(one.matched)} of {number(one.proposed)} right, {number(one.truth)} there"
        for one in standings
    ]
    differences = [
        (
            f"{one.first} minus {one.second}",
            [
                (word, _figure(one.figures[key], sign="+"), one.is_clear(key))
                for key, word in _FIGURES.items()
                if one.figures[key].value is not None
            ],
        )
        for one in compared.differences
    ]
    return {
        "images": number(compared.images),
        "names": names,
        "rows": [("Boxes", [(count, "") for count in counts]), *rows],
        "differences": differences,
    }


def _figure(figure: Figure, *, sign: str = "") -> tuple[str, str]:
    """The figure, and its interval in words."""
    if figure.value is None:
        return NOTHING, ""
    if figure.interval is None:
        return f"{figure.value:{sign}.3f}", ""
    low, high = figure.interval.low, figure.interval.high
    return f"{figure.value:{sign}.3f}", f"{low:{sign}.3f} to {high:{sign}.3f}"


def _milliseconds(figure: Figure) -> tuple[str, str]:
    if figure.value is None or figure.interval is None:
        return NOTHING, ""
    low, high = duration(figure.interval.low), duration(figure.interval.high)
    return duration(figure.value), f"{low} to {high}"


# --- Reviewers ------------------------------------------------------------------------------------


@require_safe
@transaction.atomic
def people(request: HttpRequest) -> HttpResponse:
    """How fast, how often overruled and how much in agreement reviewers are."""
    _require(request, SEE_PEOPLE)
    days = _days(request)
    period = Period(since=_since(days))
    found = reviewers.reviewers(period)
    names = {one.id: one.name or one.email for one in found}
    pairs = reviewers.agreement_of_pairs(period)
    drawn = (
        pictures.day_bars(reviewers.per_day(period), names),
        pictures.time_histogram(reviewers.TIMES, reviewers.deciding_times(period)),
        pictures.agreement_matrix(names, pairs),
    )
    return _page(
        request,
        "knowledge_reviewers",
        "Reviewers",
        "How fast decisions are, how often they are reversed, and whether people agree.",
        {
            "spans": _spans(days),
            "days": days,
            "people": [_person_row(one) for one in found],
            "pictures": [_drawn(svg) for svg in drawn] if found else [],
            "all": reviewers.agreement_of_all(period),
            "pairs": [
                {
                    "names": f"{names.get(one, NOTHING)} and {names.get(other, NOTHING)}",
                    "kappa": NOTHING if agreed.value is None else f"{agreed.value:.2f}",
                    "items": number(agreed.items),
                }
                for (one, other), agreed in pairs.items()
            ],
        },
    )


def _person_row(one: Reviewer) -> dict[str, Any]:
    return {
        "name": one.name or one.email,
        "decisions": number(one.decisions),
        "edited": number(one.edited),
        "p50": _seconds(one.seconds_p50),
        "p95": _seconds(one.seconds_p95),
        "taken_back": number(one.taken_back),
        "overturned": number(one.overturned),
        "gold": _share(one.gold),
        "spot_checks": _share(one.spot_checks),
    }


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else duration(value * 1000)


def _share(share: Share) -> tuple[str, str]:
    """The share, and of how many with its interval."""
    if not share.total:
        return NOTHING, ""
    low, high = percent(share.interval.low, digits=0), percent(share.interval.high, digits=0)
    return percent(share.value, digits=0), f"of {share.total}: {low} to {high}"


# --- The time shown -------------------------------------------------------------------------------


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return next((days for days in DAYS if str(days) == asked), _USUAL_DAYS)


def _since(days: int) -> Any:
    return timezone.now() - timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Span:
    """A time that may be shown."""

    days: int
    current: bool


def _spans(days: int) -> list[Span]:
    return [Span(one, one == days) for one in DAYS]


PAGES: Final = (
    Page("annotations/knowledge/", confidence, "annotations_knowledge"),
    Page("annotations/knowledge/calibrate/", calibrate, "annotations_knowledge_calibrate"),
    Page("annotations/knowledge/providers/", providers, "annotations_knowledge_providers"),
    Page("annotations/knowledge/reviewers/", people, "annotations_knowledge_reviewers"),
)
