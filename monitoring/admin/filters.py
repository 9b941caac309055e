"""The filters of monitoring's lists, each served by an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from monitoring.admin.posting import as_id
from monitoring.admin.questions import datasets_named
from monitoring.admin.shown import PHASE
from monitoring.models import AlertStatus, AnomalySeverity

if TYPE_CHECKING:
    _Model = admin.ModelAdmin[Any]


class DatasetFilter(admin.SimpleListFilter):
    """The machine that they are about."""

    title, parameter_name = "dataset", "dataset"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """Those in use, by name."""
        return datasets_named()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the dataset, whether it is among the choices or not."""
        key = as_id(self.value() or "")
        return queryset.filter(dataset=key) if key else queryset

    def has_output(self) -> bool:
        """Also with a single dataset, or a link from its page would show no filter."""
        return True


class SeverityFilter(admin.SimpleListFilter):
    """How bad they are."""

    title, parameter_name = "severity", "severity"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """The four."""
        return [(value, str(label).capitalize()) for value, label in AnomalySeverity.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the severity."""
        value = self.value()
        return queryset.filter(severity=value) if value in AnomalySeverity.values else queryset


class SeenFilter(admin.SimpleListFilter):
    """Whether somebody has seen them."""

    title, parameter_name = "seen", "seen"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """The two."""
        return [("no", "Not yet"), ("yes", "Acknowledged")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the mark."""
        wanted = {"no": False, "yes": True}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(acknowledged=wanted)


class PhaseFilter(admin.SimpleListFilter):
    """Where alerts stand; those that are over are shown only when they are asked for."""

    title, parameter_name = "phase", "phase"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """Each phase, and all of them."""
        return [*((value, word) for value, (word, _) in PHASE.items()), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        """The first choice is what is shown without any."""
        for place, choice in enumerate(super().choices(changelist)):
            yield choice | {"display": "Open"} if place == 0 else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the phase; without one, those that are not over."""
        value = self.value()
        if value in PHASE:
            return queryset.filter(phase=value)
        return queryset if value == "all" else queryset.exclude(status=AlertStatus.RESOLVED)


class ActiveFilter(admin.SimpleListFilter):
    """Rules that look, and those that are switched off."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """The two."""
        return [("on", "On"), ("off", "Off")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the switch."""
        wanted = {"on": True, "off": False}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(is_active=wanted)
