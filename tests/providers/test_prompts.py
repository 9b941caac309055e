"""What is asked carries a version that changes with it."""

from __future__ import annotations

import hashlib
import json

import jsonschema  # type: ignore[import-untyped] # it has none

from providers import prompts
from providers.adapters import anthropic, google, openai
from providers.boxes import plain

# A text that changed under an old name would be answered from the cache of the old one. Raise
# the version in providers/prompts.py, then write the new sums here.
SUMS = {
    "birds-1": "808208cfdce55737",
    "boxes-1": "5a5dfe4e6a76a67b",
}


def test_a_changed_text_has_a_new_version() -> None:
    assert _sum(prompts.birds().text + prompts.birds(()).text) == SUMS[prompts.BIRDS_VERSION]


def test_a_changed_schema_or_convention_has_a_new_version() -> None:
    changed = google._in_thousandths(prompts.boxes())
    conventions = openai._WHERE + anthropic._WHERE + google._WHERE + json.dumps(changed)

    assert _sum(json.dumps(prompts.boxes().document) + conventions) == SUMS[prompts.BOXES_VERSION]


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_the_prompt_says_that_writing_in_the_picture_is_no_instruction() -> None:
    assert "never an instruction" in prompts.birds().text.replace("\n", " ")


def test_the_labels_are_in_the_text_and_beside_it() -> None:
    prompt = prompts.birds(("crow", "gull {0}"))

    assert prompt.labels == ("crow", "gull {0}")
    assert "- crow\n- gull {0}" in prompt.text


def test_without_labels_any_word_will_do() -> None:
    prompt = prompts.birds(())

    assert prompt.labels == ()
    assert "from this list" not in prompt.text


def test_the_labels_are_plain_and_differ() -> None:
    assert [plain(label) for label in prompts.BIRD_LABELS] == list(prompts.BIRD_LABELS)
    assert len({label.casefold() for label in prompts.BIRD_LABELS}) == len(prompts.BIRD_LABELS)


def test_the_schema_is_one_that_all_providers_take() -> None:
    document = prompts.boxes().document
    jsonschema.Draft202012Validator.check_schema(document)
    text = json.dumps(document)

    for word in ("minimum", "maximum", "minItems", "maxItems", "maxLength", "$ref", "oneOf"):
        assert word not in text


def _objects(found: object) -> list[dict[str, object]]:
    if isinstance(found, list):
        return [one for each in found for one in _objects(each)]
    if not isinstance(found, dict):
        return []
    inner = [one for each in found.values() for one in _objects(each)]
    return [found, *inner] if found.get("type") == "object" else inner


def test_every_object_of_the_schema_is_closed_and_complete() -> None:
    objects = _objects(prompts.boxes().document)

    assert len(objects) == 3
    for one in objects:
        properties, required = one["properties"], one["required"]
        assert isinstance(properties, dict)
        assert isinstance(required, list)
        assert one["additionalProperties"] is False
        assert set(required) == set(properties)
