"""What the desk's page holds of an item without being able to read it.

A ticket names the annotation, the place in the queue from which to go on, and whether the item is a
check of the reviewer. It is encrypted (AES-128-CBC with HMAC-SHA256: the Fernet specification), and
all have one length: who looks at what the page was sent cannot tell a check from the others.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from accounts.models import User
from annotations.actions.claims import Place
from annotations.actions.dealing import Dealt, Step

_NOBODY: Final = UUID(int=0)
_LONGEST: Final = 1000


class WrongTicket(ValueError):
    """It was made for somebody else, by another installation, or by nobody."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One item of one reviewer's desk; ``extra`` is None where it waits for review."""

    annotation: UUID
    step: Step
    extra: UUID | None

    @classmethod
    def of(cls, dealt: Dealt) -> Ticket:
        """For what was dealt."""
        extra = None if dealt.extra is None else dealt.extra.pk
        return cls(dealt.annotation.pk, dealt.step, extra)

    def seal(self, *, by: User) -> str:
        """As the page gets it."""
        place = self.step.place
        said = [
            by.pk.hex,
            self.annotation.hex,
            f"{place.rank:.4f}",
            place.key.hex,
            (self.extra or _NOBODY).hex,
        ]
        return _key().encrypt(json.dumps(said).encode()).decode()

    @classmethod
    def unseal(cls, text: object, *, by: User) -> Ticket:
        """What the page sent back; WrongTicket."""
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise WrongTicket("This is no ticket of the desk.")
        try:
            person, annotation, rank, key, extra = json.loads(_key().decrypt(text.encode()))
        except (InvalidToken, UnicodeEncodeError):
            raise WrongTicket("This is no ticket of the desk.") from None
        if UUID(person) != by.pk:
            raise WrongTicket("This ticket was made for somebody else.")
        found = UUID(extra)
        return cls(
            UUID(annotation),
            Step(Place(Decimal(rank), UUID(key)), was_extra=found != _NOBODY),
            None if found == _NOBODY else found,
        )


def _key() -> Fernet:
    secret = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"desk tickets")
    return Fernet(base64.urlsafe_b64encode(secret.digest()))
