"""The parameters of maps: each explained, checked together, one version after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.admin.posting import person, require
from config.admin.formats import NOTHING
from config.admin.registry import Page
from monitoring.actions import configuring
from monitoring.admin.posting import page
from monitoring.admin.sections import CONFIGURE, SEE_CONFIG
from monitoring.errors import ConfigRefused
from monitoring.maps import CHOICES
from monitoring.models import EXPLAINED, MapConfig

_VERSIONS: Final = 50
_GROUPS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    (
        "Columns of the files",
        "Which columns describe a row and which are its features.",
        ("end_meta", "start_dim", "end_dim", "group_column"),
    ),
    (
        "What counts as anomalous",
        "How a sample is judged.",
        ("alarm_level", "score", "feature_scaling"),
    ),
    (
        "What the map keeps",
        "Near and far distances on the map.",
        ("objective", "a", "which_w1", "w1", "w2"),
    ),
    (
        "Where the map starts",
        "The same start gives the same map.",
        ("mode", "param_mode", "seed", "lowdim"),
    ),
    (
        "How it is made",
        "Seldom changed: the steps by which points find their places.",
        (
            "optimizer", "alpha", "eta", "beta1", "beta2", "epsilon", "beta", "gamma0", "imax",
        ),
    ),
)  # fmt: skip
_WHOLE: Final = frozenset({"imax", "lowdim", "seed"})
_TEXTS: Final = frozenset({"end_meta", "start_dim", "end_dim", "group_column"})


@dataclass(slots=True)
class Field:
    """One parameter in the form."""

    name: str
    value: str
    explanation: str
    choices: tuple[str, ...] = ()
    default: str = ""
    problem: str = ""
    is_text: bool = False


@require_http_methods(["GET", "HEAD", "POST"])
def view(request: HttpRequest) -> HttpResponse:
    """What is in force, and older versions; a POST puts a new one in force."""
    require(request, SEE_CONFIG)
    may_change = request.user.has_perm(CONFIGURE)
    now = configuring.in_force()
    shown, said, wrong = _asked_version(request, now), {}, {}
    if request.method == "POST":
        require(request, CONFIGURE)
        said = {name: request.POST.get(name, "").strip() for name in EXPLAINED}
        wrong = _problems(request, said)
        if not wrong:
            return HttpResponseRedirect(reverse("admin:monitoring_configuration"))
    context = {
        "purpose": "By these parameters maps are made. A new version holds for maps made from then"
        " on; those that were made keep theirs.",
        "config": shown,
        "is_in_force": shown.pk == now.pk,
        "in_force": now,
        "groups": [
            (title, lead, [_field(name, shown, said, wrong) for name in names])
            for title, lead, names in _GROUPS
        ],
        "problems": list(wrong.values()),
        "warnings": configuring.warnings(shown),
        "may_change": may_change,
        "versions": _versions(now),
    }
    return page(request, "configuration", "Parameters", context, status=400 if wrong else 200)


def _asked_version(request: HttpRequest, now: MapConfig) -> MapConfig:
    """The version that the address names, so that an old one can be looked at."""
    said = request.GET.get("version", "")
    if said.isdecimal() and len(said) < 10:
        return MapConfig.objects.filter(pk=int(said)).first() or now
    return now


def _problems(request: HttpRequest, said: dict[str, str]) -> dict[str, str]:
    """Put the values in force; what is wrong with them by name, if anything."""
    values, wrong = {}, {}
    for name, text in said.items():
        try:
            values[name] = _read(name, text)
        except ValueError:
            kind = "a whole number" if name in _WHOLE else "a number"
            wrong[name] = f"{name} is {text[:40]!r}; it must be {kind}."
    if wrong:
        return wrong
    try:
        made = configuring.configure(values, by=person(request))
    except ConfigRefused as refused:
        for problem in refused.problems:
            wrong.setdefault(problem.field, problem.message)
        return wrong
    messages.success(request, f"Version {made.pk} is in force. Maps made from now on follow it.")
    for sentence in configuring.warnings(made):
        messages.warning(request, sentence)
    return {}


def _read(name: str, text: str) -> Any:
    """The value as the model has it; ValueError for text where a number belongs."""
    if name in _TEXTS or name in CHOICES:
        return text
    return int(text) if name in _WHOLE else float(text)


def _field(name: str, shown: MapConfig, said: dict[str, str], wrong: dict[str, str]) -> Field:
    meta = MapConfig._meta.get_field(name)
    value = getattr(shown, name)
    return Field(
        name=name,
        value=said.get(name, "" if value == "" else _written(value)),
        explanation=EXPLAINED[name],
        choices=CHOICES.get(name, ()),
        default=_written(getattr(meta, "default", "")),
        problem=wrong.get(name, ""),
        is_text=name in _TEXTS,
    )


def _written(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value) or NOTHING


def _versions(now: MapConfig) -> list[dict[str, Any]]:
    """The last versions, each with what it changed."""
    rows = list(MapConfig.objects.select_related("created_by").order_by("-id")[: _VERSIONS + 1])
    found = []
    for place, one in enumerate(rows[:_VERSIONS]):
        before = rows[place + 1] if place + 1 < len(rows) else None
        found.append(
            {
                "config": one,
                "in_force": one.pk == now.pk,
                "changes": _changes(one, before) if before else [],
            }
        )
    return found


def _changes(one: MapConfig, before: MapConfig) -> list[str]:
    return [
        f"{name} {_written(getattr(before, name))} → {_written(getattr(one, name))}"
        for name in EXPLAINED
        if getattr(one, name) != getattr(before, name)
    ]


PAGES: Final = (Page("monitoring/parameters/", view, "monitoring_configuration"),)
