"""Hashes that come from other systems: bcrypt, as ``$2a$``, ``$2b$`` and ``$2y$``.

bcrypt reads the first 72 bytes of a password and no more (Provos and Mazières, 1999; the OpenBSD
implementation). A person who once set a longer one must still get in, so that is done here too;
the next log-in keeps the whole password in Argon2id.
"""

from __future__ import annotations

import functools
import re
from typing import Final

import bcrypt

from accounts.passwords.gate import slot

_BYTES: Final = 72
_LEAST_COST: Final = 4
# 2^16 rounds take some four seconds; a hash that asks for more is not verified.
MOST_COST: Final = 16

_FORM: Final = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}\Z")
# As a pattern of PostgreSQL, for the cost (characters 5 and 6) of those that are left.
IMPORTED_PATTERN: Final = r"^\$2[aby]\$[0-9]{2}\$"


def cost_of(encoded: str) -> int | None:
    """The cost of a bcrypt hash; None if it is none, or one that asks too much."""
    found = _FORM.match(encoded)
    if found is None:
        return None
    cost = int(found["cost"])
    return cost if _LEAST_COST <= cost <= MOST_COST else None


def verify(password: str, encoded: str, *, work: int) -> bool:
    """Whether the hash is the password's, after just as much work as a hash of cost ``work``.

    A hash of cost ``c`` takes 2^c rounds. Those of a lower cost are followed by hashes of the costs
    c, c + 1, …, work - 1, which makes 2^work rounds in all; no hash at all by one of cost ``work``.
    """
    cost = cost_of(encoded)
    if cost is None:
        if work >= _LEAST_COST:
            _compare(password, _nobodys(min(work, MOST_COST)))
        return False
    is_right = _compare(password, encoded.encode("ascii"))
    for more in range(cost, min(work, MOST_COST)):
        _compare(password, _nobodys(more))
    return is_right


def _compare(password: str, encoded: bytes) -> bool:
    typed = password.encode("utf-8", "surrogatepass")[:_BYTES]
    with slot():
        try:
            return bcrypt.checkpw(typed, encoded)
        except ValueError:  # characters that bcrypt's alphabet has not
            return False


@functools.cache
def _nobodys(cost: int) -> bytes:
    """A hash of this cost that no password has: the last 31 characters are made up."""
    return bcrypt.gensalt(cost) + b"." * 31
