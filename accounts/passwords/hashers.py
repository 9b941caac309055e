"""Argon2id, as every new password is kept."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

import argon2
from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts.passwords.gate import slot

# Nobody types more. Only what comes before verifying is bounded: new passwords are shorter still.
LONGEST_TYPED: Final = 1024

# Hashes from elsewhere may ask for more than ours; beyond this they are not verified, since one
# request could otherwise take all memory or a core for minutes.
_MOST_MEMORY: Final = 256 * 1024  # KiB
_MOST_PASSES: Final = 16
_MOST_LANES: Final = 16


def canonical(password: str) -> str:
    """The password in Unicode's form NFC, as it is counted and hashed.

    The same text typed on two machines may arrive composed or decomposed (``é`` as one code point
    or as two); NFC makes them one, and keeps apart everything that is not canonically equivalent:
    capitals, spaces, widths and ligatures (RFC 8265, section 4.2, OpaqueString).
    """
    return unicodedata.normalize("NFC", password)


def is_typed_by_people(password: str) -> bool:
    """Whether the password can be hashed at all: not endless, and no half of a surrogate pair."""
    if len(password) > LONGEST_TYPED:
        return False
    return not any("\ud800" <= sign <= "\udfff" for sign in password)


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id with 64 MiB, 3 iterations and 4 lanes (RFC 9106, OWASP ASVS 5.0 V6).

    At most PASSWORD_HASHING_SLOTS are made at once in a process; HashingBusy, if none comes free.
    """

    algorithm: str = "argon2"  # what our hashes begin with
    time_cost = 3
    memory_cost = 64 * 1024  # KiB
    parallelism = 4

    def encode(self, password: str, salt: str) -> str:
        """The hash to keep; ValueError for what nobody can have typed."""
        if not is_typed_by_people(password):
            raise ValueError(
                f"A password is Unicode text of at most {LONGEST_TYPED} characters. Choose another."
            )
        with slot():
            encoded: str = super().encode(canonical(password), salt)
        return encoded

    def verify(self, password: str, encoded: str) -> bool:
        """Whether the hash is the password's; a hash that cannot be read is nobody's."""
        return is_typed_by_people(password) and matches(
            canonical(password), encoded.removeprefix(self.algorithm)
        )

    def must_update(self, encoded: str) -> bool:
        """Whether the hash was made with less than our parameters; one with more may stay."""
        found = parameters(encoded.removeprefix(self.algorithm))
        if found is None:
            return False
        return (
            found.type is not argon2.low_level.Type.ID
            or found.memory_cost < self.memory_cost
            or found.time_cost < self.time_cost
            or found.version < argon2.low_level.ARGON2_VERSION
            or found.salt_len < argon2.DEFAULT_RANDOM_SALT_LENGTH
        )

    def decode(self, encoded: str) -> dict[str, Any]:
        """The parts of a hash of ours."""
        parts: dict[str, Any] = super().decode(encoded)
        return parts


def parameters(plain: str) -> argon2.Parameters | None:
    """What the hash ``$argon2id$v=19$m=…`` was made with; None if it is none, or asks too much."""
    try:
        found = argon2.extract_parameters(plain)
    except (argon2.exceptions.InvalidHashError, ValueError):
        return None
    affordable = (
        found.memory_cost <= _MOST_MEMORY
        and found.time_cost <= _MOST_PASSES
        and found.parallelism <= _MOST_LANES
    )
    return found if affordable else None


def matches(password: str, plain: str) -> bool:
    """Whether ``$argon2id$v=19$m=…`` is the password's hash, byte for byte as it was typed."""
    if parameters(plain) is None:
        return False
    with slot():
        try:
            return argon2.PasswordHasher().verify(plain, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
