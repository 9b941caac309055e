"""Values of JSON bodies have the type that the document names."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from config.api.views import validated


class Everything(serializers.Serializer[Any]):
    """A field of each kind."""

    text = serializers.CharField(allow_null=True)
    key = serializers.UUIDField()
    choice = serializers.ChoiceField(choices=[("1", "one")])
    moment = serializers.DateTimeField()
    whole = serializers.IntegerField()
    part = serializers.FloatField()
    money = serializers.DecimalField(14, 6)
    share = serializers.DecimalField(5, 4, coerce_to_string=False)
    truth = serializers.BooleanField()
    texts = serializers.ListField(child=serializers.CharField())
    document = serializers.JSONField()


GOOD: dict[str, Any] = {
    "text": None,
    "key": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
    "choice": "1",
    "moment": "2026-11-21T14:05:00Z",
    "whole": 5,
    "part": 5,
    "money": "1.50",
    "share": 0.95,
    "truth": False,
    "texts": ["a", "b"],
    "document": {"any": [1, "two", None]},
}


def test_values_of_the_named_types_are_taken() -> None:
    assert validated(Everything(data=GOOD))["texts"] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", 5),
        ("text", 0.5),
        ("text", True),
        ("text", ["a"]),
        ("text", {"a": "b"}),
        ("key", 5),
        ("choice", 1),
        ("moment", 1_700_000_000),
        ("whole", "5"),
        ("whole", True),
        ("part", "0.5"),
        ("part", False),
        ("money", 1.5),
        ("share", "0.95"),
        ("truth", "true"),
        ("truth", 1),
        ("truth", "on"),
        ("texts", "a"),
        ("texts", {"a": "b"}),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        validated(Everything(data=GOOD | {name: value}))

    assert isinstance(refused.value.detail, dict)
    assert list(refused.value.detail) == [name]


def test_an_item_of_another_type_is_refused_by_its_place() -> None:
    with pytest.raises(ValidationError) as refused:
        validated(Everything(data=GOOD | {"texts": ["a", 5]}))

    detail: Any = refused.value.detail
    assert detail == {"texts": {1: ["It must be a text."]}}


def test_a_form_has_texts_alone_and_they_are_read() -> None:
    form = QueryDict(
        "whole=5&part=0.5&truth=true&text=5&choice=1&texts=a&document=1&money=1.5&share=0.5",
        mutable=True,
    )
    form.update({"key": GOOD["key"], "moment": GOOD["moment"]})

    assert validated(Everything(data=form))["whole"] == 5
