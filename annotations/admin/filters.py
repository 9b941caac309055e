"""The filters of the list of annotations, each served by an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from annotations.admin.shown import STATUS
from annotations.models import ImageCollection, ReviewStage
from providers.models import Provider

if TYPE_CHECKING:
    _Model = admin.ModelAdmin[Any]

_COLLECTIONS: Final = 100


class _ChoiceFilter(admin.SimpleListFilter):
    """One column, one of a few values; an unknown value is as none."""

    column: str

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with the chosen value."""
        value = self.value()
        known = {str(choice) for choice, _ in self.lookup_choices}
        return queryset.filter(**{self.column: value}) if value in known else queryset


class StatusFilter(_ChoiceFilter):
    """What people decided."""

    title, parameter_name, column = "status", "status", "review_status"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """Each status with its word."""
        return [(value, word) for value, (word, _) in STATUS.items()]


class StageFilter(_ChoiceFilter):
    """Which decision they wait for, or got last."""

    title, parameter_name, column = "stage", "stage", "review_stage"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """The three stages."""
        return [(value, str(label)) for value, label in ReviewStage.choices]


class ProviderFilter(_ChoiceFilter):
    """Who proposed them."""

    title, parameter_name, column = "provider", "provider", "vision_provider"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """The providers there are; never more than a handful."""
        return list(Provider.objects.order_by("rank", "name").values_list("name", "display_name"))


class SourceFilter(admin.SimpleListFilter):
    """By a person, or by AI."""

    title, parameter_name = "made by", "source"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """The two."""
        return [("ai", "AI"), ("person", "People")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the mark that proposals carry."""
        wanted = {"ai": True, "person": False}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(vision_generated=wanted)


class CollectionFilter(admin.SimpleListFilter):
    """The collection of their image."""

    title, parameter_name = "collection", "collection"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """Those in use, by name; beyond a hundred the desk's filters find the others."""
        homes = ImageCollection.objects.filter(is_archived=False).order_by("name", "id")
        return [(str(home.pk), home.name) for home in homes[:_COLLECTIONS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the collection, whether it is among the choices or not."""
        try:
            wanted = UUID(self.value() or "")
        except ValueError:
            return queryset
        return queryset.filter(collection_id=wanted)
