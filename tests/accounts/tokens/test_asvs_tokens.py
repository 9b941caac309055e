"""What OWASP ASVS 5.0 demands of self-contained tokens (V9), shown on access tokens.

``test_access_tokens.py`` has the forgeries; here each requirement has its own example.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from django.test import Client

from accounts.actions.sessions import Tokens
from tests.accounts.sessions.devices import ME, ask_with, bearer, program
from tests.accounts.tokens import forging
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def tokens() -> Tokens:
    return program(make_user("viewer"))


def said(tokens: Tokens, **changed: Any) -> dict[str, Any]:
    return forging.claims(tokens.session.user_id, tokens.session.pk, **changed)


def test_the_signature_is_verified_before_anything_is_believed(tokens: Tokens) -> None:
    """ASVS 9.1.1."""
    header, payload, signature = tokens.access.split(".")
    claims = jwt.decode(tokens.access, options={"verify_signature": False})
    for name in claims:
        changed = forging.packed(claims | {name: claims[name] if name == "x" else "changed"})
        assert ask_with(f"{header}.{changed}.{signature}") == 401, name
    assert ask_with(f"{header}.{payload}.{'A' * len(signature)}") == 401
    assert ask_with(tokens) == 200


def test_one_algorithm_alone_is_allowed(tokens: Tokens) -> None:
    """ASVS 9.1.2: Ed25519, nothing symmetric beside it, and never none."""
    assert jwt.get_unverified_header(tokens.access)["alg"] == "EdDSA"
    forged = [forging.unsigned(said(tokens), alg=alg) for alg in ("none", "HS256", "ES256")]
    forged += forging.signed_with_public_key(said(tokens))

    assert {ask_with(token) for token in forged} == {401}


def test_keys_come_from_the_keyring_alone(tokens: Tokens) -> None:
    """ASVS 9.1.3: whatever the token says of jku, x5u, x5c or jwk, by whomever it is signed."""
    key, public = forging.foreign_key()
    headers: list[dict[str, Any]] = [
        {"jwk": public},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"x5c": [public["x"]]},
        {"kid": "https://evil.example/keys"},
    ]

    for header in headers:
        assert ask_with(forging.signed(said(tokens), key=key, **header)) == 401
        assert ask_with(forging.signed(said(tokens), **header)) == 401, "signed with our own key"


def test_a_token_is_accepted_within_its_time_alone(tokens: Tokens) -> None:
    """ASVS 9.2.1."""
    now = int(datetime.now(UTC).timestamp())

    assert ask_with(forging.signed(said(tokens))) == 200
    assert ask_with(forging.signed(said(tokens, exp=now - 60))) == 401
    assert ask_with(forging.signed(said(tokens, nbf=now + 60))) == 401
    for claim in ("exp", "nbf", "iat"):
        assert ask_with(forging.signed(said(tokens, **{claim: None}))) == 401


def test_a_token_of_another_kind_is_no_access_token(tokens: Tokens) -> None:
    """ASVS 9.2.2: its type stands in its header (RFC 9068); refresh tokens are no JWT at all."""
    assert jwt.get_unverified_header(tokens.access)["typ"] == "at+jwt"
    for kind in ("JWT", "id+jwt", "dpop+jwt", None):
        assert ask_with(forging.signed(said(tokens), typ=kind)) == 401
    assert ask_with(tokens.refresh) == 401


def test_a_token_for_another_service_is_refused(tokens: Tokens) -> None:
    """ASVS 9.2.3."""
    for audience in ("another-service", ["another-service"], "", None):
        assert ask_with(forging.signed(said(tokens, aud=audience))) == 401


def test_every_token_names_whom_it_is_for(tokens: Tokens, settings: Any) -> None:
    """ASVS 9.2.4: with one signing key, the audience tells services apart."""
    claims = jwt.decode(tokens.access, options={"verify_signature": False})
    assert (claims["iss"], claims["aud"]) == ("lacuna", "lacuna-api")

    settings.TOKEN_AUDIENCE = "another-installation"
    assert ask_with(tokens) == 401
    assert ask_with(program(make_user("viewer"))) == 200


def test_others_can_verify_with_the_published_keys_alone(tokens: Tokens) -> None:
    """ASVS 9.1.1 and 9.1.3 for services that trust us."""
    published = Client().get("/api/v1/auth/keys/").json()
    keys = jwt.PyJWKSet.from_dict(published)
    kid = jwt.get_unverified_header(tokens.access)["kid"]

    claims = jwt.decode(
        tokens.access, keys[kid], algorithms=["EdDSA"], audience="lacuna-api", issuer="lacuna"
    )

    assert claims["sub"] == str(tokens.session.user_id)
    assert json.dumps(published).count('"d"') == 0


def test_a_refusal_says_how_to_come_and_repeats_nothing_of_the_token(tokens: Tokens) -> None:
    response = Client().get(ME, headers=bearer(tokens.access[:-4]))

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert tokens.access[:40] not in response.content.decode()
