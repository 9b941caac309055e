"""Tokens as somebody would make them who has no key of ours, or has one and means harm."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from accounts.tokens import keyring


def claims(user_id: UUID, session_id: UUID, **changed: Any) -> dict[str, Any]:
    """What a good token says, but for what is changed; None leaves a claim out."""
    now = datetime.now(UTC)
    good = {
        "iss": settings.TOKEN_ISSUER,
        "aud": settings.TOKEN_AUDIENCE,
        "sub": str(user_id),
        "sid": str(session_id),
        "jti": str(uuid.uuid4()),
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=15)).timestamp()),
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(said: dict[str, Any], *, key: Ed25519PrivateKey | None = None, **header: Any) -> str:
    """A token with our key, or another, and our header, but for what is changed."""
    ours = keyring.current().signer()
    told = {"kid": ours.kid, "typ": "at+jwt"} | header
    told = {name: value for name, value in told.items() if value is not None}
    return jwt.encode(said, key or ours.secret, algorithm="EdDSA", headers=told)


def unsigned(said: dict[str, Any], *, alg: str = "none", signature: bytes = b"") -> str:
    """A token whose header says that nobody signed it."""
    header = {"alg": alg, "typ": "at+jwt", "kid": keyring.current().signer().kid}
    return ".".join([packed(header), packed(said), _text(signature)])


def signed_with_public_key(said: dict[str, Any]) -> list[str]:
    """HMAC with our public key as its secret, in every form that it may be taken in."""
    public = keyring.current().signer().public
    x = keyring.current().signer().as_jwk()["x"]
    forms = [
        public.public_bytes_raw(),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        x.encode(),
    ]
    header = {"alg": "HS256", "typ": "at+jwt", "kid": keyring.current().signer().kid}
    content = f"{packed(header)}.{packed(said)}"
    return [
        f"{content}.{_text(hmac.digest(form, content.encode(), hashlib.sha256))}" for form in forms
    ]


def foreign_key() -> tuple[Ed25519PrivateKey, dict[str, str]]:
    """A key that is none of ours, and its public half as a JSON Web Key."""
    made = Ed25519PrivateKey.generate()
    x = _text(made.public_key().public_bytes_raw())
    return made, {"kty": "OKP", "crv": "Ed25519", "x": x}


def packed(value: Any) -> str:
    """A part of a token."""
    return _text(json.dumps(value).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
