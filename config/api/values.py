"""Values of JSON bodies have the type that the document names; nothing is read into another.

REST framework would take the number 5 for the text "5", and "on" or 1 for true: what a program
sends by mistake would be kept as something that it did not mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import Field

AnyField = Field[Any, Any, Any, Any]

_TEXTS: Final = (
    serializers.CharField,
    serializers.UUIDField,
    serializers.DateTimeField,
    serializers.DateField,
    serializers.ChoiceField,
)
_NUMBERS: Final = (serializers.IntegerField, serializers.FloatField)


def refuse_other_types(body: Any, fields: Mapping[str, AnyField]) -> None:
    """Raise ``ValidationError`` naming each value of a JSON body that has another type.

    A form (multipart) has texts alone, and is left to the fields; so are null, and fields of types
    that are not of JSON itself.
    """
    if not isinstance(body, dict) or hasattr(body, "getlist"):
        return
    wrong = {}
    for name, field in fields.items():
        if name in body and (found := _wrong(body[name], field)):
            wrong[name] = found
    if wrong:
        raise ValidationError(wrong)


def _wrong(value: Any, field: AnyField) -> Any:
    if value is None:
        return None
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        items = {at: _wrong(item, field.child) for at, item in enumerate(value)}
        return {at: found for at, found in items.items() if found}
    if isinstance(field, serializers.DecimalField):  # money is text, so that no digit is lost
        kind = _TEXT if getattr(field, "coerce_to_string", True) else _NUMBER
        return None if kind[1](value) else [kind[2]]
    for kinds, fits, sentence in _RULES:
        if isinstance(field, kinds):
            return None if fits(value) else [sentence]
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_Rule = tuple[tuple[type[Any], ...], Callable[[Any], bool], str]
_TEXT: Final[_Rule] = (_TEXTS, lambda value: isinstance(value, str), "It must be a text.")
_NUMBER: Final[_Rule] = (_NUMBERS, _is_number, "It must be a number, without quotation marks.")
_RULES: Final[list[_Rule]] = [
    _TEXT,
    _NUMBER,
    (
        (serializers.BooleanField,),
        lambda value: isinstance(value, bool),
        "It must be true or false, without quotation marks.",
    ),
]
