"""Boxes and labels as programs send them."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotations.actions.claims import Filters
from annotations.boxes import Box
from annotations.errors import BoxRefused
from annotations.labels import LONGEST
from annotations.models import ReviewStage

EXAMPLE_BOX: Final = {
    "topLeft": {"x": 0.12, "y": 0.2},
    "bottomRight": {"x": 0.52, "y": 0.6},
    "width": 0.4,
    "height": 0.4,
}
_POINT: Final = {
    "type": "object",
    "required": ["x", "y"],
    "properties": {
        "x": {"type": "number", "minimum": 0, "maximum": 1},
        "y": {"type": "number", "minimum": 0, "maximum": 1},
    },
}


@extend_schema_field(
    {
        "type": "object",
        "required": ["topLeft", "bottomRight"],
        "properties": {
            "topLeft": _POINT,
            "bottomRight": _POINT,
            "width": {"type": "number"},
            "height": {"type": "number"},
        },
        "description": "In fractions of the upright image. `width` and `height` follow from the"
        " corners: what is sent of them is not read.",
    }
)
class BoxField(serializers.Field[Any, Any, Any, Any]):
    """Two corners; becomes a ``Box``."""

    def to_internal_value(self, data: Any) -> Box:
        """The box; ValidationError says what is wrong with it."""
        try:
            return Box.from_json(data)
        except BoxRefused as error:
            raise serializers.ValidationError(str(error)) from None
        except OverflowError:
            raise serializers.ValidationError("A box has four finite numbers.") from None

    def to_representation(self, value: Any) -> Any:
        """As stored."""
        return value


def label_field(**options: Any) -> serializers.CharField:
    """Plain text of one line."""
    return serializers.CharField(max_length=LONGEST, allow_blank=True, **options)


class SelectionSerializer(serializers.Serializer[Any]):
    """Which of the annotations that wait; what is left out does not narrow."""

    collection_id = serializers.UUIDField(required=False)
    image_id = serializers.UUIDField(required=False)
    stage = serializers.ChoiceField(choices=ReviewStage.choices, required=False)
    provider = serializers.CharField(max_length=40, required=False)
    label = serializers.CharField(max_length=LONGEST, required=False)  # type: ignore[assignment] # a field of this name
    min_confidence = serializers.DecimalField(
        5, 4, min_value=0, max_value=1, required=False, coerce_to_string=False,
        help_text="Of the calibrated confidence, where there is one.",
    )  # fmt: skip
    max_confidence = serializers.DecimalField(
        5, 4, min_value=0, max_value=1, required=False, coerce_to_string=False
    )


def filters_of(values: dict[str, Any]) -> Filters:
    """What a ``SelectionSerializer`` understood."""
    return Filters(
        collection=values.get("collection_id"),
        stage=values.get("stage", ""),
        provider=values.get("provider", ""),
        label=values.get("label", ""),
        image=values.get("image_id"),
        least=values.get("min_confidence"),
        most=values.get("max_confidence"),
    )
