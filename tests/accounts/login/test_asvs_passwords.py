"""OWASP ASVS 5.0, chapter V6: documentation, passwords, and authentication in general.

What other tests show in depth is shown here once more under its number. The second factor (V6.4 to
V6.6) has tests of its own.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.actions import log_in
from accounts.models import User
from accounts.passwords.strength import ADVISED, CONTEXT_WORDS, LEAST, is_common
from tests.accounts.login.conftest import PASSWORD, WRONG, turn_on_codes

pytestmark = pytest.mark.django_db

GUIDE = Path(site.BASE_DIR) / "docs" / "log-in.md"


@pytest.fixture
def guide() -> str:
    return GUIDE.read_text(encoding="utf-8")


def form(old: str, new: str) -> dict[str, str]:
    return {"old_password": old, "new_password1": new, "new_password2": new}


def is_accepted(password: str) -> bool:
    try:
        validate_password(password, User(email="ada@example.org", full_name="Ada Lovelace"))
    except ValidationError:
        return False
    return True


# --- V6.1 Documentation ---------------------------------------------------------------------------


def test_6_1_1_how_guessing_is_slowed_is_documented_with_its_settings(guide: str) -> None:
    """ASVS 6.1.1: rate limits, lockout, how they are configured, and against malicious lockout."""
    for told in (
        f"{log_in.FAILURES_TO_LOCK} failures",
        f"{log_in.FIRST_LOCK_MINUTES} minutes",
        "LOGIN_ATTEMPTS_PER_ADDRESS",
        "PASSWORD_HASHING_SLOTS",
        "unlock_account",
        "on purpose",
    ):
        assert told in guide, told


def test_6_1_2_the_words_that_make_no_password_are_documented(guide: str) -> None:
    """ASVS 6.1.2."""
    assert "PASSWORD_CONTEXT_WORDS" in guide
    for word in CONTEXT_WORDS:
        assert f"`{word}`" in guide, word


def test_6_1_3_every_way_in_is_documented(guide: str) -> None:
    """ASVS 6.1.3."""
    for way in ("/login/", "/api/v1/auth/login", "API key", "invitation", "password reset"):
        assert way in guide, way


# --- V6.2 Passwords -------------------------------------------------------------------------------


def test_6_2_1_a_password_has_at_least_8_characters() -> None:
    """ASVS 6.2.1."""
    assert LEAST == 8
    assert not is_accepted("xK9#mQ2")
    assert ADVISED >= 12


def test_6_2_2_and_6_2_3_people_change_their_password_with_the_old_one(
    client: Client, person: User
) -> None:
    """ASVS 6.2.2, 6.2.3."""
    client.post("/login/", {"username": person.email, "password": PASSWORD})
    new = "vier Wörter ohne jeden Sinn"

    assert client.post("/password_change/", form("", new)).status_code == 200
    assert client.post("/password_change/", form(WRONG, new)).status_code == 200
    assert client.post("/password_change/", form(PASSWORD, new)).status_code == 302

    assert log_in.check(person.email, new, address="") == person


def test_6_2_4_and_6_2_12_what_is_common_or_stolen_is_refused() -> None:
    """ASVS 6.2.4, 6.2.12: against a list of 19,646, of which 8,351 are long enough."""
    for password in ("password1", "iloveyou1", "qwertyuiop", "1q2w3e4r5t", "Passw0rd"):
        assert is_common(password), password
        assert not is_accepted(password), password


@pytest.mark.parametrize(
    "password",
    [
        "only small letters here",
        "ONLY CAPITALS STAND HERE",
        "8402 7713 0965 1188",
        "слова без смысла",
    ],
)
def test_6_2_5_any_composition_is_accepted(password: str) -> None:
    """ASVS 6.2.5."""
    assert is_accepted(password)


@pytest.mark.parametrize("page", ["/login/", "/password_change/"])
def test_6_2_6_and_6_2_7_passwords_are_masked_and_may_be_pasted(
    client: Client, person: User, page: str
) -> None:
    """ASVS 6.2.6, 6.2.7: type=password, autocomplete for managers, no script that forbids."""
    if page != "/login/":
        client.post("/login/", {"username": person.email, "password": PASSWORD})
    shown = client.get(page).content.decode()
    fields = re.findall(r"<input[^>]*password[^>]*>", shown)
    script = (Path(site.BASE_DIR) / "config/static/lacuna/door.js").read_text(encoding="utf-8")

    assert fields
    for field in fields:
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(current|new)-password"', field)
        assert "maxlength" not in field
    assert "paste" not in script
    assert "preventDefault" not in script


@pytest.mark.parametrize("change", [str.lower, str.strip, lambda password: password[:-1]])
def test_6_2_8_the_password_is_compared_as_it_was_typed(person: User, change: Any) -> None:
    """ASVS 6.2.8: nothing cut off, no capitals changed, no space lost."""
    typed = "  Vier Wörter OHNE Sinn  "
    person.set_password(typed)
    person.save()

    assert log_in.check(person.email, typed, address="") == person
    with pytest.raises(log_in.LoginRefused):
        log_in.check(person.email, change(typed), address="")


@pytest.mark.parametrize("length", [64, 128])
def test_6_2_9_long_passwords_are_accepted(length: int) -> None:
    """ASVS 6.2.9."""
    assert is_accepted(secrets.token_hex(64)[:length])


def test_6_2_10_no_password_grows_old_by_itself() -> None:
    """ASVS 6.2.10: the setting that some places must have is off by default."""
    assert site.PASSWORD_MAX_AGE_DAYS == 0


@pytest.mark.parametrize(
    "password", ["lacuna-2026", "Lacuna-admin", "ada.lovelace.1", "moderator1"]
)
def test_6_2_11_words_of_the_place_and_of_the_person_make_no_password(password: str) -> None:
    """ASVS 6.2.11."""
    assert not is_accepted(password)


# --- V6.3 In general ------------------------------------------------------------------------------


def test_6_3_1_guessing_is_stopped_as_documented(person: User, settings: Any) -> None:
    """ASVS 6.3.1: one account is locked, one address has to wait."""
    settings.LOGIN_ATTEMPTS_PER_ADDRESS = 15
    for number in range(15):
        with pytest.raises(log_in.LoginRefused):
            log_in.check(person.email, f"guess {number}", address="192.0.2.1")

    with pytest.raises(log_in.TooManyAttempts):
        log_in.check("another@example.org", PASSWORD, address="192.0.2.1")
    with pytest.raises(log_in.LoginRefused):
        log_in.check(person.email, PASSWORD, address="198.51.100.1")


def test_6_3_2_nobody_is_there_by_default() -> None:
    """ASVS 6.3.2: after every migration the table of people is empty."""
    assert not User.objects.exists()


def test_6_3_3_a_second_factor_is_asked_for_where_it_is_on(client: Client, person: User) -> None:
    """ASVS 6.3.3; a system setting demands it of all staff."""
    turn_on_codes(person)

    client.post("/login/", {"username": person.email, "password": PASSWORD})

    assert client.get("/").status_code == 302


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> list[str]:
    """Every route of the site."""
    found = []
    for pattern in patterns:
        route = before + str(pattern.pattern)
        inner = pattern.url_patterns if isinstance(pattern, URLResolver) else None
        found += [route] if inner is None else routes(inner, route)
    return found


def test_6_3_4_there_is_no_other_way_in(guide: str) -> None:
    """ASVS 6.3.4: what sounds like a log-in is one that the guide names."""
    doors = {
        route
        for route in routes(get_resolver().url_patterns)
        if re.search(r"log-?in(?!g)|log-?on|sign-?in|authenticate", route)
    }

    assert {"login/", "login/code/"} <= doors
    for door in doors:
        assert f"/{door}" in guide, door


def test_6_3_7_people_are_told_when_their_password_changes(
    client: Client, person: User, django_capture_on_commit_callbacks: Any
) -> None:
    """ASVS 6.3.7."""
    client.post("/login/", {"username": person.email, "password": PASSWORD})

    with django_capture_on_commit_callbacks() as letters:
        client.post("/password_change/", form(PASSWORD, "vier Wörter ohne jeden Sinn"))

    assert letters


def test_6_3_8_an_answer_does_not_tell_who_is_known(client: Client, person: User) -> None:
    """ASVS 6.3.8: by words and status; by work in test_check.py, by time in the benchmark."""
    answers = set()
    for email in (person.email, "nobody@example.org"):
        response = client.post("/login/", {"username": email, "password": WRONG})
        page = re.sub(r'value="[^"]*"', "", response.content.decode())
        answers.add((response.status_code, page))

    assert len(answers) == 1
