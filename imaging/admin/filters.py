"""The filters of the lists, each served by an index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from imaging.admin.states import IMAGE_CHOICES, JOB_CHOICES
from imaging.models import Image

if TYPE_CHECKING:
    _Model = admin.ModelAdmin[Any]

_PEOPLE: Final = 20


class StatusFilter(admin.SimpleListFilter):
    """Where images stand on their way through analysis."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """One choice for each status."""
        return list(IMAGE_CHOICES)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The images with the status; an unknown status is as none."""
        known = {status for status, _ in IMAGE_CHOICES}
        value = self.value()
        return queryset.filter(analysis_status=value) if value in known else queryset


class JobStatusFilter(admin.SimpleListFilter):
    """Where jobs stand."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """One choice for each status."""
        return list(JOB_CHOICES)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The jobs with the status; an unknown status is as none."""
        known = {status for status, _ in JOB_CHOICES}
        value = self.value()
        return queryset.filter(status=value) if value in known else queryset


class PriorityFilter(admin.SimpleListFilter):
    """How urgent jobs are."""

    title = "priority"
    parameter_name = "priority"

    _BANDS: Final = {"high": (8, 10), "normal": (4, 7), "low": (1, 3)}

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """Three bands of the ten priorities."""
        return [("high", "High, 8 to 10"), ("normal", "Normal, 4 to 7"), ("low", "Low, 1 to 3")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The jobs of the band."""
        band = self._BANDS.get(self.value() or "")
        return queryset.filter(priority__range=band) if band else queryset


class NearDuplicateFilter(admin.SimpleListFilter):
    """Images that look like an older one."""

    title = "near duplicates"
    parameter_name = "duplicates"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """Only them, or only the others."""
        return [("yes", "Only these"), ("no", "Without")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the mark that the upload or ``mark_duplicate_images()`` set."""
        wanted = {"yes": True, "no": False}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(is_duplicate=wanted)


class AnomalyFilter(admin.SimpleListFilter):
    """Images whose result carries anomalies."""

    title = "anomalies"
    parameter_name = "anomalies"

    _SEVERITIES: Final = ("critical", "warning", "info")

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """By the gravest there may be."""
        return [("any", "Any"), ("critical", "Critical"), ("warning", "Warnings")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By containment, which the GIN index of ``anomalies`` answers."""
        value = self.value()
        if value == "any":
            wanted = Q()
            for severity in self._SEVERITIES:
                wanted |= _carries(severity)
            return queryset.filter(wanted)
        return queryset.filter(_carries(value)) if value in self._SEVERITIES else queryset


def _carries(severity: str | None) -> Q:
    return Q(analysis_result__anomalies__contains=[{"severity": severity}])


class TimeFilter(admin.SimpleListFilter):
    """When images came in."""

    title = "uploaded"
    parameter_name = "since"

    _DAYS: Final = {"today": 0, "week": 6, "month": 29, "year": 364}

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """Spans that end now."""
        return [
            ("today", "Today"),
            ("week", "7 days"),
            ("month", "30 days"),
            ("year", "A year"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those since midnight, so many days ago, in the zone of the site."""
        days = self._DAYS.get(self.value() or "")
        return queryset if days is None else queryset.filter(created_at__gte=_midnight(days))


def _midnight(days_ago: int) -> datetime:
    now = timezone.localtime()
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)


class UploaderFilter(admin.SimpleListFilter):
    """Whose images: mine, a person picked from a row, or whoever the typed text means.

    A person is looked up as the text is typed; no list of everybody is ever made.
    """

    title = "uploaded by"
    parameter_name = "by"
    template = "imaging/uploader_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.me = str(request.user.pk)
        self.typed = ""
        self.hidden: list[tuple[str, str]] = []
        self.people = self._people(self.value() or "")

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """Mine is always offered."""
        return [("me", "Me")]

    def _people(self, value: str) -> list[User]:
        if not value or value == "me":
            return []
        try:
            return list(User.objects.filter(pk=UUID(value)))
        except ValueError:
            self.typed = value.strip().replace("\x00", "")
            return list(matching_uploaders(self.typed)) if self.typed else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Images of the person or people."""
        value = self.value()
        if not value:
            return queryset
        if value == "me":
            return queryset.filter(user_id=self.me)
        return queryset.filter(user_id__in=[person.pk for person in self.people])

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """All, me, and the person in force; remembers the rest of the address for the form."""
        self.hidden = [
            (name, value)
            for name, value in changelist.params.items()
            if name != self.parameter_name
        ]
        yield from super().choices(changelist)
        value = self.value()
        if value and value != "me":
            names = ", ".join(str(person) for person in self.people[:3])
            yield {
                "selected": True,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": names or f"nobody called {value}",
            }


def matching_uploaders(text: str) -> QuerySet[User]:
    """People who have handed images in and whose name or e-mail address begins with the text."""
    theirs = Image.objects.filter(user_id=OuterRef("pk"))
    return (
        User.objects.filter(Q(email__istartswith=text) | Q(full_name__istartswith=text))
        .filter(Exists(theirs))
        .order_by("full_name", "id")[:_PEOPLE]
    )
