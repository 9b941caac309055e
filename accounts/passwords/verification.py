"""Verifying a password, with the same work whoever it is and whatever was typed."""

from __future__ import annotations

import base64
import functools
import secrets
from dataclasses import dataclass

from accounts.passwords import imported
from accounts.passwords.hashers import (
    Argon2idHasher,
    canonical,
    is_typed_by_people,
    matches,
    parameters,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the password is right, and whether its hash should be made anew."""

    matches: bool
    is_outdated: bool = False


def verify(password: str, encoded: str, *, imported_work: int = 0) -> Verdict:
    """Compare a password with the hash that is kept.

    ``encoded``        as it stands in ``users.password_hash``: ours, a raw one of bcrypt or Argon2,
                       anything else for nobody's (an unknown address, no usable password)
    ``imported_work``  the highest cost of the bcrypt hashes that are left, 0 if there are none

    One Argon2id hash is made in any case, and 2^imported_work rounds of bcrypt as long as somebody
    has such a hash. HashingBusy, if no slot comes free.
    """
    is_possible = is_typed_by_people(password)
    typed = password if is_possible else ""
    work = max(imported_work, imported.cost_of(encoded) or 0)
    prefix = Argon2idHasher.algorithm
    if encoded.startswith(f"{prefix}$argon2"):
        right = matches(canonical(typed), _or_nobodys(encoded.removeprefix(prefix)))
    elif encoded.startswith("$argon2"):  # as other systems keep it, of the password as typed
        right = matches(typed, _or_nobodys(encoded))
    else:
        matches(typed, nobodys_hash())
        right = False
    was_imported = imported.verify(typed, encoded, work=work)
    if not is_possible or not (right or was_imported):
        return Verdict(matches=False)
    return Verdict(matches=True, is_outdated=_is_outdated(encoded))


def _is_outdated(encoded: str) -> bool:
    hasher = Argon2idHasher()
    return not encoded.startswith(f"{hasher.algorithm}$") or hasher.must_update(encoded)


def _or_nobodys(plain: str) -> str:
    """The hash, or one that costs the same where it cannot be verified."""
    return nobodys_hash() if parameters(plain) is None else plain


@functools.cache
def nobodys_hash() -> str:
    """An Argon2id hash with our parameters that no password has: its 32 bytes are random.

    Made once in a process, without hashing anything; comparing with it costs what comparing with
    anybody's costs.
    """
    salt, digest = _text(secrets.token_bytes(16)), _text(secrets.token_bytes(32))
    costs = f"m={Argon2idHasher.memory_cost},t={Argon2idHasher.time_cost}"
    return f"$argon2id$v=19${costs},p={Argon2idHasher.parallelism}${salt}${digest}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode("ascii")
