"""How an API key is written: ``lac_`` and ten characters, a dot, the secret and its checksum.

::

    lac_k3v7q2mz5a.Xb0s…43 characters…Qw1nT4kZ
    prefix         secret, 256 bits   checksum

The prefix is public: lists and the audit log show it. The checksum (CRC-32 of all before it, in six
digits to base 62) tells a mistyped key from a wrong one without asking the database, and lets
scanners of source code know ours from chance. The database keeps SHA-256 of the whole.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from typing import Final

START: Final = "lac_"
# What an Authorization header may hold of a key, ours or one that an operator inserted.
LONGEST: Final = 255

_PREFIX_LETTERS: Final = string.ascii_lowercase + "234567"  # none looks like another
_PREFIX_LENGTH: Final = 10
_SECRET_BYTES: Final = 32
_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECKSUM_LENGTH: Final = 6  # 62 ** 6 > 2 ** 32

# What a scanner looks for.
PATTERN: Final = re.compile(r"lac_[a-z2-7]{10}\.[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}")
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, repr=False)
class KeyText:
    """A key in the clear, and the part of it that is public; never shown by ``repr``."""

    whole: str
    prefix: str

    def __repr__(self) -> str:
        return f"<KeyText {self.prefix}>"

    @property
    def digest(self) -> str:
        """What the database keeps of it."""
        return digest(self.whole)


def make() -> KeyText:
    """A new key, with 256 bits of chance in its secret."""
    letters = "".join(secrets.choice(_PREFIX_LETTERS) for _ in range(_PREFIX_LENGTH))
    prefix = START + letters
    body = f"{prefix}.{secrets.token_urlsafe(_SECRET_BYTES)}"
    return KeyText(whole=body + checksum(body), prefix=prefix)


def digest(whole: str) -> str:
    """SHA-256 of the key as it is sent, in hexadecimal: the column ``key_hash``."""
    return hashlib.sha256(whole.encode()).hexdigest()


def checksum(body: str) -> str:
    """CRC-32 of the text, as six digits to base 62."""
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def is_sendable(text: str) -> bool:
    """Whether it can be a key at all: visible ASCII, not too long."""
    return 0 < len(text) <= LONGEST and _SENDABLE.fullmatch(text) is not None


def is_mistyped(text: str) -> bool:
    """Whether it means to be a key made by us, and is damaged or cut off."""
    if not text.startswith(START):
        return False
    if PATTERN.fullmatch(text) is None:
        return True
    return checksum(text[:-_CHECKSUM_LENGTH]) != text[-_CHECKSUM_LENGTH:]


def prefix_of(text: str) -> str:
    """What stands before the dot, if it has the form of a prefix of ours; else nothing."""
    prefix, dot, _ = text.partition(".")
    is_ours = re.fullmatch(rf"{START}[a-z2-7]{{{_PREFIX_LENGTH}}}", prefix) is not None
    return prefix if dot and is_ours else ""
