"""How keys are written: their form, their checksum, their chance."""

from __future__ import annotations

import hashlib
import random
import re

import pytest

from accounts import api_key_text


def test_a_key_has_a_public_prefix_and_256_bits_of_secret() -> None:
    made = api_key_text.make()

    prefix, _, rest = made.whole.partition(".")
    assert prefix == made.prefix
    assert re.fullmatch(r"lac_[a-z2-7]{10}", prefix)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}", rest)  # 43 * 6 bits hold 256
    assert api_key_text.PATTERN.fullmatch(made.whole)
    assert made.digest == hashlib.sha256(made.whole.encode()).hexdigest()


def test_keys_differ() -> None:
    made = [api_key_text.make() for _ in range(500)]

    assert len({key.whole for key in made}) == 500
    assert len({key.prefix for key in made}) == 500


def test_a_key_is_not_shown_by_accident() -> None:
    made = api_key_text.make()

    assert made.whole not in repr(made)
    assert made.whole not in f"{made}"
    assert made.prefix in repr(made)


def test_every_single_slip_is_noticed() -> None:
    whole = api_key_text.make().whole
    letters = "abcXYZ019-_"

    assert not api_key_text.is_mistyped(whole)
    for place in range(4, len(whole)):
        for letter in letters:
            if letter != whole[place]:
                assert api_key_text.is_mistyped(whole[:place] + letter + whole[place + 1 :])


def test_two_letters_exchanged_a_letter_lost_and_a_part_lost_are_noticed() -> None:
    chance = random.Random(7)
    for _ in range(200):
        whole = api_key_text.make().whole
        place = chance.randrange(4, len(whole) - 1)
        swapped = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]
        assert swapped == whole or api_key_text.is_mistyped(swapped)
        assert api_key_text.is_mistyped(whole[:place] + whole[place + 1 :])
        assert api_key_text.is_mistyped(whole[:place])


def test_a_key_of_another_form_is_not_mistyped() -> None:
    """Operators may insert keys of any form; only what begins as ours has our checksum."""
    assert not api_key_text.is_mistyped("partner.9f1c0a")


@pytest.mark.parametrize(
    ("text", "is_sendable"),
    [
        ("a.b", True),
        ("", False),
        ("a b", False),
        ("a\x00b", False),
        ("ä.b", False),
        ("x" * 256, False),
    ],
)
def test_what_can_be_sent(text: str, is_sendable: bool) -> None:
    assert api_key_text.is_sendable(text) is is_sendable


@pytest.mark.parametrize(
    "text", ["", "lac_abc.x", "secret.word", "lac_ABCDEFGHIJ.x", "lac_abcdefghij"]
)
def test_only_a_whole_prefix_of_ours_is_taken_for_one(text: str) -> None:
    assert api_key_text.prefix_of(text) == ""
    assert api_key_text.prefix_of("lac_abcdefghij." + text) == "lac_abcdefghij"


def test_the_checksum_is_crc32_to_base_62() -> None:
    assert api_key_text.checksum("") == "000000"
    # CRC-32 of "123456789" is 0xCBF43926 (the check value of the algorithm's catalogue).
    value = 0
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for letter in api_key_text.checksum("123456789"):
        value = value * 62 + digits.index(letter)
    assert value == 0xCBF43926
