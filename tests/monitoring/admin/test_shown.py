"""How what monitoring knows is said on its pages."""

from __future__ import annotations

import pytest

from monitoring.admin import shown


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("fired", "it began"),
        ("worsened:high", "it became worse: high"),
        ("repeated:2", "it still lasted, reminder 2"),
        ("resolved", "it was over"),
        ("something else", "something else"),
    ],
)
def test_why_one_was_told_is_said_in_words(event: str, words: str) -> None:
    assert shown.told_why(event) == words


def test_whom_an_alert_was_told_is_an_address_or_the_webhooks() -> None:
    assert shown.told_whom("email:shift@plant.example") == "shift@plant.example"
    assert shown.told_whom("webhook") == "The webhooks"
