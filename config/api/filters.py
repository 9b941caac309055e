"""Filters of lists: what they take is checked before the database sees it; nothing is ignored.

A misspelt filter that is ignored gives all rows, which is the wrong answer in the worst way; so is
a filter left empty. Both are refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.request import Request

Day = TypeVar("Day", bound=date)

_LARGEST: Final = 2**63 - 1
_MOST_DIGITS: Final = 30
# What every clock and every time zone can hold.
_YEARS: Final = (1000, 9000)
_LONGEST: Final = 2000


class _WholeNumberField(forms.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": -_LARGEST - 1, "max_value": _LARGEST} | options)

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        if not str(value).isascii():
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        if len(str(value)) > _MOST_DIGITS:
            raise ValidationError("The number does not fit into 64 bits.", code="out_of_range")
        return super().to_python(value)


class _NumberField(forms.DecimalField):
    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        if len(str(value)) > _MOST_DIGITS or "e" in str(value).lower():
            raise ValidationError(
                f"Write the number with at most {_MOST_DIGITS} digits, without an exponent.",
                code="invalid",
            )
        return super().to_python(value)


class _MomentField(forms.Field):
    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        # An unencoded "+" before the offset arrives as a space.
        text = str(value).strip()
        if " " in text and ":" in text.rpartition(" ")[2] and "T" in text:
            text = "+".join(text.rsplit(" ", 1))
        try:
            moment = parse_datetime(text)
        except ValueError:
            moment = None
        if moment is None:
            raise ValidationError(
                "It must be a moment like 2026-11-21T14:05:00Z (ISO 8601).", code="invalid"
            )
        if timezone.is_naive(moment):
            raise ValidationError(
                "The moment has no offset: write Z, or one like +01:00.", code="no_offset"
            )
        # PostgreSQL reads offsets below 16 hours alone.
        return _within_years(moment).astimezone(UTC)


class _DayField(forms.DateField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"input_formats": ["%Y-%m-%d"]} | options)

    def to_python(self, value: Any) -> Any:
        day = super().to_python(value)
        return day if day is None else _within_years(day)


def _within_years(value: Day) -> Day:
    first, last = _YEARS
    if not first <= value.year <= last:
        raise ValidationError(f"The year must lie between {first} and {last}.", code="out_of_range")
    return value


class WholeNumberFilter(django_filters.NumberFilter):
    """A number of 64 bits."""

    field_class = _WholeNumberField

    def get_max_validator(self) -> None:  # the field has its own bounds
        """None: the stock one lets absurd numbers through to the database."""


class NumberFilter(django_filters.NumberFilter):
    """A decimal number."""

    field_class = _NumberField


class MomentFilter(django_filters.IsoDateTimeFilter):
    """A moment with its offset from UTC."""

    field_class = _MomentField


class DayFilter(django_filters.DateFilter):
    """A day: 2026-11-21."""

    field_class = _DayField


@extend_schema_field(OpenApiTypes.BOOL)
class TruthFilter(django_filters.TypedChoiceFilter):
    """``true`` or ``false``; the stock filter takes anything else for no filter at all."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options |= {
            "choices": [("true", "true"), ("false", "false")],
            "coerce": lambda text: text == "true",
        }
        super().__init__(*args, **options)


class KeyFilter(django_filters.UUIDFilter):
    """The key of a row, of which nothing is looked up: whether it exists is not told."""


class TextFilter(django_filters.CharFilter):
    """A text of bounded length, without NUL."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_length": _LONGEST, "strip": False} | options)


class FilterSet(django_filters.FilterSet):
    """The base of every list's filters: ``Meta.model`` and ``Meta.fields`` as in django-filter.

    ``status`` filters by equality; other look-ups are declared, such as
    ``created_after = MomentFilter(field_name="created_at", lookup_expr="gte")``.
    """

    FILTER_DEFAULTS = {
        **django_filters.FilterSet.FILTER_DEFAULTS,
        models.BooleanField: {"filter_class": TruthFilter},
        models.CharField: {"filter_class": TextFilter},
        models.TextField: {"filter_class": TextFilter},
        models.IntegerField: {"filter_class": WholeNumberFilter},
        models.SmallIntegerField: {"filter_class": WholeNumberFilter},
        models.BigIntegerField: {"filter_class": WholeNumberFilter},
        models.PositiveIntegerField: {"filter_class": WholeNumberFilter},
        models.DecimalField: {"filter_class": NumberFilter},
        models.FloatField: {"filter_class": NumberFilter},
        models.DateTimeField: {"filter_class": MomentFilter},
        models.DateField: {"filter_class": DayFilter},
        models.UUIDField: {"filter_class": KeyFilter},
        models.ForeignKey: {"filter_class": KeyFilter},
        models.OneToOneField: {"filter_class": KeyFilter},
    }


class FilterBackend(DjangoFilterBackend):
    """Applies a view's ``filterset_class``; what it cannot take is a 400 by name."""

    filterset_base = FilterSet

    def names(self, view: Any) -> set[str]:
        """The query parameters that the view's filters know."""
        queryset = getattr(view, "queryset", None)
        filterset = self.get_filterset_class(view, queryset)
        return set(filterset.base_filters) if filterset is not None else set()


def refuse_unknown(request: Request, known: Iterable[str], *, many: Iterable[str] = ()) -> None:
    """Raise ``ValidationError`` naming each parameter that is unknown, empty, double or unreadable.

    ``many`` may stand in an address more than once.
    """
    known, repeated = set(known), set(many)
    wrong: dict[str, list[str]] = {}
    for name, values in _pairs(request.query_params):
        reason = _reason(name, values, known, repeated)
        if reason:
            wrong[name[:100].replace("\x00", "")] = [reason]
    if wrong:
        raise Refused(wrong)


def _pairs(parameters: QueryDict) -> Iterable[tuple[str, list[str]]]:
    return parameters.lists()


def _reason(name: str, values: list[str], known: set[str], many: set[str]) -> str | None:
    if name not in known:
        takes = f"It takes {', '.join(sorted(known))}." if known else "It takes none."
        return f"This address has no such query parameter. {takes}"
    if len(values) > 1 and name not in many:
        return "The parameter is given more than once."
    if any(not value for value in values):
        return "The parameter is empty. Give it a value, or leave it out."
    if any("\x00" in value for value in values):
        return "The value holds NUL, which no text here does."
    if any(len(value) > 2 * _LONGEST for value in values):
        return "The value is too long."
    return None
