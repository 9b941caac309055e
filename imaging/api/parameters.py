"""The parameters of an analysis as programs send them: what is wrong is told by its name."""

from __future__ import annotations

import io
import json
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ParseError

from config.api.parsers import JsonParser
from imaging import analysis
from imaging.actions.jobs import PRIORITIES

# processing_queue_parameters_check
_LARGEST: Final = 4000


_DEFAULTS: Final = analysis.Parameters().canonical()
_KNOWN: Final = ", ".join(f"`{name}` {json.dumps(_DEFAULTS[name])}" for name in sorted(_DEFAULTS))


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": True,
        "description": "Parameters of the analysis; those left out keep their default. Names and"
        f" defaults: {_KNOWN}.",
    }
)
class ParametersField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object; in a form, its text."""

    default_error_messages = {
        "object": 'It must be a JSON object, such as {{"method": "luma"}}.',
        "too_large": "It takes more than {most} bytes. Leave out what equals the default.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The parameters as given; ValidationError names each that cannot be taken."""
        given = _parsed(data) if isinstance(data, str) else data
        if not isinstance(given, dict):
            self.fail("object")
        wrong = {
            name[:100]: [reason] for name, value in given.items() if (reason := _wrong(name, value))
        }
        if wrong:
            raise serializers.ValidationError(wrong)
        if len(json.dumps(given).encode()) > _LARGEST:
            self.fail("too_large", most=_LARGEST)
        return given

    def to_representation(self, value: Any) -> Any:
        """As stored."""
        return value


def priority_field() -> serializers.IntegerField:
    """The place among those who wait."""
    return serializers.IntegerField(
        min_value=PRIORITIES[0],
        max_value=PRIORITIES[-1],
        default=5,
        help_text="1 to 10; 10 goes first.",
    )


def _parsed(text: str) -> Any:
    try:
        return JsonParser().parse(io.BytesIO(text.encode()), None, {})
    except ParseError as error:
        raise serializers.ValidationError(str(error.detail)) from None


def _wrong(name: str, value: Any) -> str:
    """What is wrong with one parameter, or nothing; each is judged by itself."""
    try:
        analysis.Parameters.from_json({name: value})
    except (ValueError, OverflowError, TypeError) as error:
        return str(error)
    return ""
