"""How passwords are kept, verified and chosen."""

from accounts.passwords.gate import HashingBusy
from accounts.passwords.hashers import Argon2idHasher
from accounts.passwords.strength import StrengthValidator, advice
from accounts.passwords.verification import Verdict, verify

__all__ = [
    "Argon2idHasher",
    "HashingBusy",
    "StrengthValidator",
    "Verdict",
    "advice",
    "verify",
]
