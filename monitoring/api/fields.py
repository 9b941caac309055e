"""How values of the tables look in JSON, and what the view sets of monitoring share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from django.db import models
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from config.api import preconditions
from config.api.views import RowView
from jobs.printable import printable
from monitoring.rules import Problem

M = TypeVar("M", bound=models.Model)

PRIORITIES: Final = (1, 10)
_DEEPEST: Final = 64
_LARGEST: Final = 2**63 - 1
_INDEX: Final = re.compile(r"\[(\d+)\]")
_QUOTED: Final = re.compile(r"\['(.*?)'\]")


def moment(value: datetime) -> str:
    """A moment in UTC with its microseconds: ``2026-11-21T14:05:00.000000Z``."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def plain(value: Any, *, depth: int = 0) -> Any:
    """A stored document as JSON can say it: what plain SQL put there beyond any number is null."""
    if isinstance(value, dict | list) and depth >= _DEEPEST:
        return None
    if isinstance(value, dict):
        return {name: plain(part, depth=depth + 1) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part, depth=depth + 1) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and abs(value) > _LARGEST:
        return None
    return value


def finite(value: Any) -> float | None:
    """The number, if it is one that JSON can say."""
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


class MomentField(serializers.DateTimeField):
    """A moment in UTC with its microseconds, whatever the zone of the site is.

    One that is sent names its offset: nobody has to guess where.
    """

    def enforce_timezone(self, value: datetime) -> datetime:
        """As REST framework's; ValidationError for a moment without an offset."""
        if timezone.is_naive(value):
            raise serializers.ValidationError(
                "The moment has no offset: write Z, or one like +01:00.", code="no_offset"
            )
        aware: datetime = super().enforce_timezone(value)
        return aware

    def to_representation(self, value: datetime) -> str:
        """The moment as text."""
        return moment(value)


class NumberField(serializers.FloatField):
    """A number; null for what is none (NaN, infinite)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"read_only": True, "allow_null": True} | options)

    def to_representation(self, value: Any) -> Any:
        """The number."""
        return finite(value)


@extend_schema_field({"type": "object", "additionalProperties": {}})
class ObjectField(serializers.JSONField):
    """A JSON object."""

    def to_internal_value(self, data: Any) -> Any:
        """The object as given; ValidationError for other JSON."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("It must be a JSON object: {…}.")
        return data

    def to_representation(self, value: Any) -> Any:
        """The object, as far as JSON can say it."""
        return plain(value)


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": {}}})
class ObjectsField(serializers.JSONField):
    """A list of JSON objects."""

    def to_internal_value(self, data: Any) -> Any:
        """The list as given; ValidationError for other JSON."""
        if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
            raise serializers.ValidationError("It must be a list of JSON objects: [{…}, …].")
        return data

    def to_representation(self, value: Any) -> Any:
        """The list, as far as JSON can say it."""
        return plain(value)


class RowSerializer(serializers.ModelSerializer[M]):
    """The base of what is shown of a row."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: MomentField,
        models.FloatField: NumberField,
        models.DecimalField: NumberField,
        models.JSONField: ObjectField,
    }

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        """As REST framework's; the options of a decimal are none of a number."""
        made, options = super().build_standard_field(field_name, model_field)
        if made is NumberField:
            return made, {"allow_null": model_field.null}
        return made, options


class ToldByContent(RowView):
    """For rows without a moment of their last change: the ETag is of what is shown."""

    def etag(self, row: Any) -> str:
        """Of every value of the representation."""
        return preconditions.etag_from(*self.get_serializer(row).data.items())


def key_field(**options: Any) -> serializers.UUIDField:
    """The key of another row, under the name of its column."""
    return serializers.UUIDField(read_only=True, **options)


def words_field(**options: Any) -> serializers.ListField:
    """A list of texts to be read."""
    return serializers.ListField(child=serializers.CharField(), read_only=True, **options)


def priority_field() -> serializers.IntegerField:
    """The place among those who wait."""
    least, most = PRIORITIES
    return serializers.IntegerField(
        min_value=least, max_value=most, default=5, help_text="1 to 10; 10 goes first."
    )


def printed(text: str | None) -> str | None:
    """An error's text, fit to be shown."""
    return None if text is None else printable(text)


def no_such(field: str, noun: str) -> ValidationError:
    """For a key in a body that names nothing, or nothing that the caller may see."""
    return ValidationError({field: [f"There is no {noun} with this id."]})


def refused(problems: Mapping[str, Iterable[Problem]]) -> ValidationError:
    """What is wrong in JSON, by the place in the body: ``condition.all.0.op``."""
    wrong: dict[str, list[str]] = {}
    for field, found in problems.items():
        for problem in found:
            wrong.setdefault(_place(field, problem.path), []).append(problem.sentence)
    return ValidationError(wrong)


def _place(field: str, path: str) -> str:
    inner = _QUOTED.sub(r".\1", _INDEX.sub(r".\1", path.removeprefix("$")))
    return f"{field}{inner}"[:300]
