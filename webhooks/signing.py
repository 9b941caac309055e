"""Signatures of messages, as Standard Webhooks 1.0 has them (standardwebhooks.com).

A message is signed over its id, the moment of the attempt and its body, so that none of the three
can be changed and none sent again much later. The secret is 32 random bytes, written ``whsec_`` and
base64; the signature is HMAC-SHA256, written ``v1,`` and base64. While a secret is being changed
there are two, separated by a space.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.views.decorators.debug import sensitive_variables

PREFIX: Final = "whsec_"
_BYTES: Final = 32


@sensitive_variables()
def new_secret() -> str:
    """A secret nobody has seen."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode("ascii")


def message_id(event_id: UUID) -> str:
    """What the header ``webhook-id`` says of the event."""
    return f"msg_{event_id.hex}"


@sensitive_variables()
def signature(secret: str, identity: str, timestamp: int, body: bytes) -> str:
    """``v1,…`` for the message; ValueError for a secret that is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("A webhook's secret is not base64.") from None
    signed = f"{identity}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"


@sensitive_variables("held", "signatures")
def headers(held: Sequence[str], event_id: UUID, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers, signed with each of the secrets."""
    identity, timestamp = message_id(event_id), int(at.timestamp())
    signatures = [signature(secret, identity, timestamp, body) for secret in held]
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
