"""What a device is called in the list of its owner's sessions, from its user agent."""

from __future__ import annotations

import re
from typing import Final

from accounts.models import Session

LONGEST_USER_AGENT: Final = 512
_LONGEST_NAME: Final = Session._meta.get_field("device_name").max_length

# In this order: a browser also names those it is descended from.
_BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\b(?:OPR|Opera|OPiOS)/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Vivaldi", re.compile(r"\bVivaldi/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Chrome|Chromium|CriOS|HeadlessChrome)/")),
    ("Safari", re.compile(r"\bSafari/")),
)
_SYSTEMS: Final = (
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("macOS", re.compile(r"\bMac(?:intosh| OS X)\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)
# A program names itself first (RFC 9110, section 10.1.5): curl/8.14.1, python-requests/2.32.
_PROGRAM: Final = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,39})(?:/|\s|\Z)")
# Every browser says so, for reasons of 1994; it tells nothing.
_EVERYBODY: Final = "Mozilla"


def name_of(user_agent: str) -> str:
    """Such as ``Firefox on Linux``, ``Safari on iPhone`` or ``curl``; empty if it tells nothing."""
    user_agent = user_agent[:LONGEST_USER_AGENT]
    browser = next((name for name, sign in _BROWSERS if sign.search(user_agent)), "")
    system = next((name for name, sign in _SYSTEMS if sign.search(user_agent)), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    program = _PROGRAM.match(user_agent)
    if program and program[1] != _EVERYBODY:
        return f"{program[1]} on {system}" if system else program[1]
    return f"a browser on {system}" if system else ""


def cleaned_name(given: str) -> str:
    """A name that somebody gave their device, on one line and no longer than the column."""
    shown = "".join(sign if sign.isprintable() else " " for sign in given)
    return " ".join(shown.split())[:_LONGEST_NAME]


def cleaned_user_agent(given: str) -> str:
    """A user agent as it is kept: somebody may send anything."""
    return given.replace("\x00", "")[:LONGEST_USER_AGENT]
