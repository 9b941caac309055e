"""How values of the tables look in JSON: moments, documents, figures."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

M = TypeVar("M", bound=models.Model)

# Whole numbers beyond are no figures of ours, and many readers of JSON would round them.
_LARGEST: Final = 2**63 - 1
_DEEPEST: Final = 64


def plain(value: Any, *, depth: int = 0) -> Any:
    """A stored document as JSON can say it: what plain SQL put there beyond any number is null."""
    if isinstance(value, dict):
        if depth >= _DEEPEST:
            return None
        return {name: plain(part, depth=depth + 1) for name, part in value.items()}
    if isinstance(value, list):
        return None if depth >= _DEEPEST else [plain(part, depth=depth + 1) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST:
        return None
    return value


def moment(value: datetime) -> str:
    """A moment in UTC with its microseconds: ``2026-11-21T14:05:00.000000Z``."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class MomentField(serializers.DateTimeField):
    """A moment in UTC with its microseconds, whatever the zone of the site is."""

    def to_representation(self, value: datetime) -> str:
        """The moment as text."""
        return moment(value)


@extend_schema_field({})
class DocumentField(serializers.JSONField):
    """Any JSON."""

    def to_representation(self, value: Any) -> Any:
        """The document, as far as JSON can say it."""
        return plain(value)


@extend_schema_field({"type": "object", "additionalProperties": {}})
class ObjectField(DocumentField):
    """A JSON object."""


@extend_schema_field({"type": "array", "items": {}})
class ListField(DocumentField):
    """A JSON list."""


class RowSerializer(serializers.ModelSerializer[M]):
    """The base of what is shown of a row."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: MomentField,
        models.JSONField: DocumentField,
    }


def key_field(**options: Any) -> serializers.UUIDField:
    """The key of another row, under the name of its column."""
    return serializers.UUIDField(read_only=True, **options)


def share_field(**options: Any) -> serializers.FloatField:
    """A figure from 0 to 1."""
    return serializers.FloatField(read_only=True, allow_null=True, **options)
