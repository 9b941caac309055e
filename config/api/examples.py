"""Examples in the OpenAPI document, beside the serializers that they show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework.serializers import BaseSerializer

S = TypeVar("S", bound=type[BaseSerializer[Any]])


def answer(name: str, value: Any) -> Callable[[S], S]:
    """A decorator: what the serializer answers looks like this."""
    return _with(OpenApiExample(name, value, response_only=True))


def body(name: str, value: Any) -> Callable[[S], S]:
    """A decorator: what is sent to the serializer looks like this."""
    return _with(OpenApiExample(name, value, request_only=True))


def _with(example: OpenApiExample) -> Callable[[S], S]:
    def decorate(serializer: S) -> S:
        decorated: S = extend_schema_serializer(examples=[example])(serializer)
        return decorated

    return decorate
