"""Which passwords are accepted: long enough, used by nobody else, hard to guess.

There are no rules about capitals, digits or signs, and no password grows old (OWASP ASVS 5.0 V6.2,
NIST SP 800-63B): both make people choose worse ones.
"""

from __future__ import annotations

import functools
import gzip
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from accounts.passwords.hashers import canonical, is_typed_by_people
from accounts.roles import Role

LEAST: Final = 8
ADVISED: Final = 12
MOST: Final = 128

# zxcvbn gives 0 to 4; from 3 on a stolen hash is safe for a while (10^8 guesses and more).
_LEAST_SCORE: Final = 3
# It takes no more than this, and its time grows with the square; what follows only makes it harder.
_SCORED: Final = 72

# What an attacker tries first at this door; PASSWORD_CONTEXT_WORDS adds the names of the place.
CONTEXT_WORDS: Final = (
    "lacuna",
    "negative space",
    "negativespace",
    "back office",
    "backoffice",
    *Role.values,
    "password",
    "passphrase",
)

# A word of fewer letters stands in others by chance; of a password made of words so much must be
# left without them.
_SHORTEST_WORD: Final = 4
_LEAST_LEFT: Final = 5

_WHAT_HELPS: Final = "Four or five words that have nothing to do with each other make a good one."

# zxcvbn keeps the words of one call where the next one finds them.
_one_at_a_time: Final = threading.Lock()


class StrengthValidator:
    """Refuses what is too short, too long, common or guessable, with a sentence for each reason.

    zxcvbn gives the highest score that 8 signs can have only to 9 and more, so that 9 are what a
    password has in effect.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """ValidationError with why the password is refused, and what helps."""
        if not is_typed_by_people(password[: MOST * 8]):
            raise ValidationError(
                "This password holds signs that cannot be kept. Type it anew.",
                code="password_not_text",
            )
        signs = len(canonical(password)) if len(password) <= MOST * 8 else len(password)
        if signs < LEAST:
            raise ValidationError(
                f"A password has at least {LEAST} characters, and {ADVISED} or more are advised;"
                f" this one has {signs}. {_WHAT_HELPS}",
                code="password_too_short",
            )
        if signs > MOST:
            raise ValidationError(
                f"A password has at most {MOST} characters; this one has {signs}.",
                code="password_too_long",
            )
        if is_common(password):
            raise ValidationError(
                "This password is on the lists of stolen ones, which are tried first."
                f" {_WHAT_HELPS}",
                code="password_too_common",
            )
        words = _known_words(user)
        if _is_made_of(canonical(password), words):
            raise ValidationError(
                "This password would soon be guessed: it is made of your name, your address or a"
                f" word of this place. {_WHAT_HELPS}",
                code="password_too_guessable",
            )
        why = _why_guessable(canonical(password), words)
        if why is not None:
            raise ValidationError(
                " ".join(("This password would soon be guessed.", *why, _WHAT_HELPS)),
                code="password_too_guessable",
            )

    def get_help_text(self) -> str:
        """What the form says before anything is typed."""
        return advice()


def advice() -> str:
    """One sentence on how to choose a password."""
    return (
        f"{LEAST} to {MOST} characters of any kind, spaces too; {ADVISED} or more are advised."
        f" {_WHAT_HELPS}"
    )


def is_common(password: str) -> bool:
    """Whether the password is among the most used ones of stolen lists, whatever its capitals.

    ASVS 5.0 V6.2.4 asks for the 3,000 most used of at least our length; these are 8,351 of them.
    """
    return canonical(password).strip().lower() in _common_passwords()


@functools.cache
def _common_passwords() -> frozenset[str]:
    """The list that comes with Django, most used first in the file."""
    file = Path(password_validation.__file__).parent / "common-passwords.txt.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return frozenset(line.strip() for line in lines)


def _is_made_of(password: str, words: list[str]) -> bool:
    """Whether next to nothing is left of the password without the words.

    zxcvbn judges a single word well, and two of them in a row too kindly.
    """
    left = whole = password.lower()
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_WORD:
            left = left.replace(word, " ")
    return left != whole and len(re.sub(r"[\W_]", "", left)) < _LEAST_LEFT


def _why_guessable(password: str, words: list[str]) -> list[str] | None:
    """None for a good password; else what zxcvbn (Wheeler, 2016) found, in whole sentences."""
    with _one_at_a_time:
        found = zxcvbn(password[:_SCORED], words)
    if found["score"] >= _LEAST_SCORE:
        return None
    warning = str(found["feedback"]["warning"]).strip()
    return [warning.rstrip(".") + "."] if warning else []


def _known_words(user: Any) -> list[str]:
    """What whoever knows the person and the place would try."""
    words = [*CONTEXT_WORDS, *settings.PASSWORD_CONTEXT_WORDS]
    for attribute in ("email", "full_name"):
        words += _pieces(str(getattr(user, attribute, "") or "")[:255])
    return [word.lower() for word in words if word]


def _pieces(text: str) -> Iterator[str]:
    """The text, and its words of three letters and more."""
    for part in (text, text.partition("@")[0]):
        words = [word for word in re.split(r"[\W_]+", part) if len(word) >= 3]
        yield from (part, "".join(words), *words)
