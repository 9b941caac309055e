"""Access tokens: JWT (RFC 7519) as RFC 9068 profiles them, signed with Ed25519 (RFC 8037)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from django.conf import settings

from accounts.tokens import keyring
from accounts.tokens.errors import ExpiredToken, WrongToken

ALGORITHM: Final = "EdDSA"
_TYPE: Final = "at+jwt"
# All that a header of ours has: a token that brings a key or its address (jwk, jku, x5u) is none.
_HEADER: Final = frozenset({"alg", "kid", "typ"})
_CLAIMS: Final = ("iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp")
# Ours have about 550 characters.
_LONGEST: Final = 2048
_WRONG: Final = "The access token is not valid. Get another with your refresh token, or log in."


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a token says: whose it is, in which session, and until when."""

    user_id: UUID
    session_id: UUID
    token_id: UUID
    issued_at: datetime
    expires_at: datetime


def encode(user_id: UUID, session_id: UUID, *, ends_at: datetime) -> tuple[str, datetime]:
    """A new token for a session, and when it expires: at the latest when the session ends."""
    now = datetime.now(UTC).replace(microsecond=0)
    expires_at = min(now + timedelta(minutes=settings.ACCESS_TOKEN_MINUTES), ends_at)
    expires_at = expires_at.replace(microsecond=0)
    key = keyring.current().signer()
    claims = {
        "iss": settings.TOKEN_ISSUER,
        "aud": settings.TOKEN_AUDIENCE,
        "sub": str(user_id),
        "sid": str(session_id),
        "jti": str(uuid.uuid4()),
        "iat": now,
        "nbf": now,
        "exp": expires_at,
    }
    headers = {"kid": key.kid, "typ": _TYPE}
    return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers=headers), expires_at


def decode(token: str) -> AccessToken:
    """What a token of ours says; ExpiredToken or WrongToken for any other text.

    Whether its session still lives is the database's to say.
    """
    key = _key_of(token)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],
            audience=settings.TOKEN_AUDIENCE,
            issuer=settings.TOKEN_ISSUER,
            leeway=keyring.LEEWAY,
            options={"require": list(_CLAIMS), "strict_aud": True},
        )
        read = AccessToken(
            UUID(claims["sub"]),
            UUID(claims["sid"]),
            UUID(claims["jti"]),
            datetime.fromtimestamp(claims["iat"], UTC),
            datetime.fromtimestamp(claims["exp"], UTC),
        )
    except jwt.ExpiredSignatureError:
        raise ExpiredToken(
            "The access token has expired. Get another with /auth/refresh."
        ) from None
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError):
        raise WrongToken(_WRONG) from None
    if not key.may_have_signed(read.issued_at):
        raise WrongToken(_WRONG)
    return read


def _key_of(token: str) -> keyring.Key:
    """The key of ours that the token names; nothing else in its header is listened to."""
    if len(token) > _LONGEST:
        raise WrongToken(_WRONG)
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError):
        raise WrongToken(_WRONG) from None
    if set(header) != _HEADER or header["typ"] != _TYPE or not keyring.is_kid(header["kid"]):
        raise WrongToken(_WRONG)
    key = keyring.current().find(header["kid"])
    if key is None:
        raise WrongToken(_WRONG)
    return key
