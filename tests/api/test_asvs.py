"""Which requirements of OWASP ASVS 5.0 the suite shows: chapters V6 to V9, by their numbers.

The numbers are those of version 5.0.0 (May 2025), whose wording was compared with each test.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

# Requirements in each section of version 5.0.0: V6 has 47, V7 19, V8 13, V9 7.
SECTIONS: Final = {
    "6.1": 3, "6.2": 12, "6.3": 8, "6.4": 6, "6.5": 8, "6.6": 4, "6.7": 2, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2,
    "8.1": 4, "8.2": 4, "8.3": 3, "8.4": 2,
    "9.1": 3, "9.2": 4,
}  # fmt: skip
# Those of the chapters that other tests cite: V3 has 31, V4 16, V5 13.
OTHERS: Final = {
    "3.1": 1, "3.2": 3, "3.3": 5, "3.4": 8, "3.5": 8, "3.6": 1, "3.7": 5,
    "4.1": 5, "4.2": 5, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 6, "5.3": 3, "5.4": 3,
}  # fmt: skip
# Those of V6 to V9 that no test shows, each with its reason.
NOT_SHOWN: Final = {
    "6.3.5": "people are told of a lock and of a stolen token, not of every unusual log-in",
    "6.4.5": "nothing that one logs in with expires: passwords stay valid, secrets of apps too",
    "6.5.7": "there are no biometrics",
    "6.6.1": "no codes are sent by telephone",
    "6.6.2": "no codes are sent another way: the second factor is an app's or a recovery code",
    "6.6.3": "as 6.6.2",
    "6.6.4": "there are no push notifications",
    "6.7.1": "there are no certificates of people",
    "6.7.2": "as 6.7.1",
    "6.8.1": "there is no identity provider beside the product",
    "6.8.2": "as 6.8.1",
    "6.8.3": "as 6.8.1",
    "6.8.4": "as 6.8.1",
    "7.5.3": "of what is highly sensitive only the second factor and the password ask again",
    "7.6.1": "there is no federation",
    "8.1.4": "the circumstances that count are documented (8.1.3), no degrees of risk",
    "8.4.2": "the posture of devices is the network's to judge",
}
# Those that the tests show in part: what is missing. They do not count among the forty.
IN_PART: Final = {
    "6.2.12": "the list is of the most used passwords, which were stolen, not of every stolen one",
    "6.3.3": "a setting makes the second factor a must, for staff; none is a device (level 3)",
    "6.5.5": "a code is taken for one step more, before and after; links live longer than minutes,"
    " but log nobody in",
    "7.5.1": "an admin changes addresses with an open session alone",
    "7.5.2": "ending one's sessions asks for no factor again",
    "8.2.4": "addresses and networks count, for keys and for guessing; no place, hour or device",
    "8.4.1": "an installation has one tenant; what is shown is one person's rows against another's",
}


def _numbers(sections: dict[str, int]) -> set[str]:
    return {
        f"{section}.{number}"
        for section, count in sections.items()
        for number in range(1, count + 1)
    }  # fmt: skip


KNOWN: Final = _numbers(SECTIONS)

_TESTS: Final = Path(__file__).resolve().parents[1]
_CITED: Final = re.compile(r"\bASVS (?:5\.0 )?((?:V?\d+\.\d+\.\d+(?:, | and | or )?)+)")
_NUMBER: Final = re.compile(r"\d+\.\d+\.\d+")


def cited() -> dict[str, list[str]]:
    """The tests that show each requirement, by its number; from their docstrings."""
    found: dict[str, list[str]] = {}
    for path in sorted(_TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            for citation in _CITED.findall(ast.get_docstring(node) or ""):
                for number in _NUMBER.findall(citation):
                    where = f"{path.relative_to(_TESTS)}::{node.name}"
                    found.setdefault(number, []).append(where)
    return found


def test_every_number_that_is_cited_is_one_of_version_5() -> None:
    known = KNOWN | _numbers(OTHERS)

    unknown = {number: tests for number, tests in cited().items() if number not in known}

    assert unknown == {}


def test_every_requirement_is_shown_or_it_is_said_why_not() -> None:
    shown = KNOWN & set(cited())

    assert shown >= KNOWN - NOT_SHOWN.keys(), sorted(KNOWN - NOT_SHOWN.keys() - shown)
    assert shown.isdisjoint(NOT_SHOWN), "it is shown now: take it out of NOT_SHOWN"
    assert shown >= IN_PART.keys()
    assert len(shown - IN_PART.keys()) >= 40
    assert len(KNOWN) == 86
