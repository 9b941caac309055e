"""Which passwords are accepted, and what is said of those that are not."""

from __future__ import annotations

import gzip
import secrets
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth import password_validation
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.passwords import StrengthValidator, advice
from accounts.passwords.hashers import canonical
from accounts.passwords.strength import ADVISED, LEAST, MOST, is_common

PERSON = User(email="grace.hopper@navy.example.org", full_name="Grace Brewster Hopper")

# One sign of every plane of Unicode that has assigned ones, and of those for private use.
PLANES = {
    0: "é",
    1: "🦉",
    2: "𠀋",
    3: "𰻞",
    14: "\U000e0101",
    15: "\U000f0000",
    16: "\U00100000",
}


def refusal(password: str, person: User | None = PERSON) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        validate_password(password, person)
    return caught.value


def said(error: ValidationError) -> str:
    return " ".join(error.messages)


def codes(error: ValidationError) -> list[str | None]:
    return [one.code for one in error.error_list]


@pytest.mark.parametrize("length", [64, 100, MOST])
def test_long_passwords_are_accepted(length: int) -> None:
    validate_password(secrets.token_hex(MOST)[:length], PERSON)


def test_a_password_of_129_characters_is_refused_with_its_length() -> None:
    error = refusal(secrets.token_hex(MOST)[: MOST + 1])

    assert codes(error) == ["password_too_long"]
    assert "at most 128 characters" in said(error)
    assert "129" in said(error)


def test_a_short_password_is_refused_with_what_is_advised() -> None:
    error = refusal("xK9#mQ2")

    assert codes(error) == ["password_too_short"]
    assert f"at least {LEAST}" in said(error)
    assert f"{ADVISED} or more are advised" in said(error)


def test_what_cannot_be_hashed_and_what_is_endless_is_refused() -> None:
    assert codes(refusal("half a pair \ud83e of signs")) == ["password_not_text"]
    assert codes(refusal("x y z " * 100_000)) == ["password_too_long"]


@pytest.mark.parametrize("plane", PLANES)
def test_signs_of_every_plane_are_accepted(plane: int) -> None:
    sign = PLANES[plane]
    assert ord(sign) >> 16 == plane

    validate_password(f"{sign} vier {sign} Wände {sign}", PERSON)


def test_each_sign_counts_once_however_many_bytes_it_has() -> None:
    signs = [chr(0x1F400 + number) for number in range(40)]
    secrets.SystemRandom().shuffle(signs)

    assert codes(refusal("".join(signs[:7]))) == ["password_too_short"]
    validate_password("".join(signs[:12]), PERSON)
    assert codes(refusal("".join(signs * 4))) == ["password_too_long"]


def test_what_is_counted_is_the_composed_form() -> None:
    composed = "é" * 5 + secrets.token_hex(59)
    decomposed = unicodedata.normalize("NFD", composed)
    assert (len(composed), len(decomposed)) == (123, 128)

    validate_password(unicodedata.normalize("NFD", composed + "ééééé"), PERSON)


@pytest.mark.parametrize(
    "password",
    [
        "only small letters stand here",
        "NOTHING BUT CAPITALS STANDS",
        "7291 0446 8830 5127",
        "      öffne dich      ",
        "§$%&/()=?`+#äü<>|",
        "correct horse battery staple",
    ],
)
def test_no_kind_of_character_is_demanded(password: str) -> None:
    validate_password(password, PERSON)


def common_passwords() -> list[str]:
    file = Path(password_validation.__file__).parent / "common-passwords.txt.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [line.strip() for line in lines]


def test_the_most_used_passwords_are_refused() -> None:
    """ASVS 5.0 V6.2.4: at least the 3,000 most used ones that are long enough."""
    long_enough = [password for password in common_passwords() if len(password) >= LEAST]
    assert len(long_enough) > 3000

    for password in long_enough:
        assert codes(refusal(password)) == ["password_too_common"], password


@pytest.mark.parametrize("written", ["PASSWORD1", "Password1", " password1 "])
def test_a_common_password_is_one_in_any_capitals(written: str) -> None:
    assert is_common(written)
    assert "tried first" in said(refusal(written))


@pytest.mark.parametrize(
    "password",
    ["gracehopper1906", "Grace.Hopper", "hopper-grace", "navyexample", "grace.hopper@navy"],
)
def test_what_is_known_of_the_person_makes_no_password(password: str) -> None:
    error = refusal(password)

    assert codes(error) == ["password_too_guessable"]
    assert "would soon be guessed" in said(error)
    assert "words" in said(error)


@pytest.mark.parametrize("password", ["lacuna2026", "L4cun4admin", "moderator-2026", "Backoffice1"])
def test_what_is_known_of_the_place_makes_no_password(password: str) -> None:
    assert codes(refusal(password)) == ["password_too_guessable"]


def test_the_names_of_the_organisation_are_added_by_a_setting(settings: object) -> None:
    validate_password("Quendelmoor!77", PERSON)

    setattr(settings, "PASSWORD_CONTEXT_WORDS", ["quendelmoor"])  # noqa: B010 - a fixture's

    assert codes(refusal("Quendelmoor!77")) == ["password_too_guessable"]


@pytest.mark.parametrize("password", ["aaaaaaaaaaaaaaaa", "abcdefghijklmnop", "qwertzuiop12"])
def test_a_row_or_a_repetition_is_refused_with_a_reason(password: str) -> None:
    error = refusal(password)

    assert set(codes(error)) <= {"password_too_guessable", "password_too_common"}
    assert len(said(error)) > 60


def test_without_a_person_it_is_judged_alike() -> None:
    validate_password("four words without sense", None)
    assert refusal("lacuna2026", None)


def test_the_words_of_one_judgement_do_not_reach_another() -> None:
    """zxcvbn keeps the words it was given where all threads look."""
    start = threading.Barrier(8)

    def judge(number: int) -> bool:
        person = User(email=f"zyxomma{number}@example.org", full_name="")
        start.wait()
        for _ in range(20):
            try:
                StrengthValidator().validate("zyxomma3!!", person)
            except ValidationError:
                if number != 3:
                    return False
            else:
                if number == 3:
                    return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(judge, range(8)))


@given(st.text(max_size=300))
def test_whatever_is_typed_is_judged_without_a_fault(password: str) -> None:
    sentences: list[str] = []
    try:
        StrengthValidator().validate(password, PERSON)
    except ValidationError as error:
        sentences = error.messages

    assert all(sentence.endswith(".") for sentence in sentences)
    assert len(sentences) == 1 or LEAST < len(canonical(password)) <= MOST


def test_the_form_says_what_is_accepted_and_what_is_advised() -> None:
    help_text = StrengthValidator().get_help_text()

    assert help_text == advice()
    assert "8 to 128 characters" in help_text
    assert "12 or more are advised" in help_text
