"""One-time codes by time (RFC 6238 over RFC 4226): SHA-1, six digits, steps of 30 seconds.

These are the values that every authenticator app knows. The code of the step before and of the one
after are taken too, for clocks that differ and for people who type slowly (RFC 6238, section 5.2).
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from typing import Final

import pyotp
import qrcode
from qrcode.constants import ERROR_CORRECT_M

STEP_SECONDS: Final = 30
DIGITS: Final = 6
ISSUER: Final = "Lacuna"
# 160 bits, as RFC 4226, section 4 (R6), recommends; base32 writes five of them in one letter.
SECRET_LETTERS: Final = 32

_WINDOW: Final = 1
_QUIET_ZONE: Final = 4  # modules of white around the code (ISO/IEC 18004)
_SEPARATORS: Final = re.compile(r"[\s-]+")
_FORM: Final = re.compile(rf"[0-9]{{{DIGITS}}}\Z")


def new_secret() -> str:
    """A random secret in base32, as apps take it."""
    return pyotp.random_base32(SECRET_LETTERS)


def uri(secret: str, *, account: str) -> str:
    """The ``otpauth://`` address that a QR code holds; ``account`` is what the app shows."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)


def step_at(moment: datetime) -> int:
    """The number of the step in which the moment lies."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_of(secret: str, step: int) -> str:
    """The code of a step."""
    return pyotp.HOTP(secret, digits=DIGITS).at(step)


def is_code(text: str) -> bool:
    """Whether the text has the form of a one-time code, however it is grouped."""
    return bool(_FORM.match(_SEPARATORS.sub("", text)))


def matching_step(secret: str, given: str, moment: datetime) -> int | None:
    """The latest of the steps around the moment whose code was given, or None.

    Every step is compared, each in constant time.
    """
    typed = _SEPARATORS.sub("", given)
    if not _FORM.match(typed):
        return None
    found, now = None, step_at(moment)
    for step in range(now - _WINDOW, now + _WINDOW + 1):
        if hmac.compare_digest(code_of(secret, step), typed):
            found = step
    return found


def qr_svg(text: str) -> str:
    """The text as a QR code: SVG markup without a style, coloured by the classes of its parts."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=_QUIET_ZONE)
    code.add_data(text)
    rows = code.get_matrix()
    dark = "".join(
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, is_dark in enumerate(row)
        if is_dark
    )
    size = len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" class="qr" role="img"'
        ' aria-label="QR code with the secret that stands beside it as text"'
        f' shape-rendering="crispEdges"><rect width="{size}" height="{size}" class="qr-ground"'
        f' fill="#fff"/><path d="{dark}" class="qr-modules" fill="#000"/></svg>'
    )
