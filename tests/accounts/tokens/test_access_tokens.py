"""What is taken for an access token of ours, and what is not."""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.test import Client, RequestFactory
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.api.authentication import AccessTokenAuthentication
from accounts.tokens import access, keyring
from accounts.tokens.errors import ExpiredToken, WrongToken
from tests.accounts.sessions.devices import ME, ask_with, bearer, program
from tests.accounts.tokens import forging
from tests.factories import make_user

USER, SESSION = uuid.uuid4(), uuid.uuid4()
FUZZED = 10_000


def good(**changed: Any) -> dict[str, Any]:
    return forging.claims(USER, SESSION, **changed)


def moment(**time: int) -> int:
    return int((datetime.now(UTC) + timedelta(**time)).timestamp())


def made() -> str:
    return access.encode(USER, SESSION, ends_at=datetime.now(UTC) + timedelta(days=1))[0]


def test_a_token_says_whose_it_is_in_which_session_and_until_when(settings: Any) -> None:
    token, expires_at = access.encode(USER, SESSION, ends_at=datetime.now(UTC) + timedelta(days=1))

    read = access.decode(token)

    assert (read.user_id, read.session_id, read.expires_at) == (USER, SESSION, expires_at)
    assert read.expires_at - read.issued_at == timedelta(minutes=settings.ACCESS_TOKEN_MINUTES)
    assert access.decode(made()).token_id != read.token_id


def test_a_token_says_nothing_else() -> None:
    said = jwt.decode(made(), options={"verify_signature": False})

    assert set(said) == {"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"}


def test_a_token_ends_with_its_session() -> None:
    ends_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=2)

    _, expires_at = access.encode(USER, SESSION, ends_at=ends_at)

    assert expires_at == ends_at


def test_the_forgers_own_good_token_is_good() -> None:
    """Otherwise the forgeries below would be refused for the wrong reason."""
    assert access.decode(forging.signed(good())).session_id == SESSION


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "another-service"},
        {"aud": None},
        {"aud": []},
        {"aud": ["lacuna-api", "another-service"]},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"iat": "now"},
        {"nbf": None},
        {"sub": None},
        {"sub": 7},
        {"sub": "ada"},
        {"sid": None},
        {"sid": ["x"]},
        {"sid": "' OR 1=1 --"},
        {"jti": None},
        {"jti": "not-a-key"},
        {"iat": 10**400, "nbf": 0},
        {"exp": 10**30},
    ],
    ids=str,
)
def test_a_token_that_lacks_a_claim_or_is_for_others_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(WrongToken):
        access.decode(forging.signed(good(**changed)))


def test_the_clocks_of_hosts_may_differ_by_half_a_minute() -> None:
    soon = good(nbf=moment(seconds=20), iat=moment(seconds=20), exp=moment(minutes=15))
    just_over = good(exp=moment(seconds=-20))

    assert access.decode(forging.signed(soon)).session_id == SESSION
    assert access.decode(forging.signed(just_over)).session_id == SESSION


def test_a_token_that_has_expired_says_so() -> None:
    with pytest.raises(ExpiredToken, match="expired"):
        access.decode(forging.signed(good(exp=moment(seconds=-40))))


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_of_the_future_is_refused(claim: str) -> None:
    with pytest.raises(WrongToken):
        access.decode(forging.signed(good(**{claim: moment(seconds=50)})))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": None},
        {"kid": "A" * 43},
        {"kid": "../../keyring.json"},
        {"kid": ""},
        {"typ": "JWT"},
        {"typ": None},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"x5c": ["AAAA"]},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}},
        {"crit": ["exp"]},
        {"cty": "JWT"},
    ],
    ids=str,
)
def test_a_header_that_is_not_ours_is_refused_though_our_key_signed_it(
    header: dict[str, Any],
) -> None:
    with pytest.raises(WrongToken):
        access.decode(forging.signed(good(), **header))


def test_a_key_that_the_token_brings_is_not_believed() -> None:
    key, public = forging.foreign_key()

    for header in ({}, {"jwk": public}, {"kid": "A" * 43}):
        with pytest.raises(WrongToken):
            access.decode(forging.signed(good(), key=key, **header))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS256", "ES256", "RS256"])
def test_a_token_that_nobody_signed_is_refused(alg: str) -> None:
    with pytest.raises(WrongToken):
        access.decode(forging.unsigned(good(), alg=alg))


def test_the_public_key_is_no_secret_to_sign_with() -> None:
    for token in forging.signed_with_public_key(good()):
        with pytest.raises(WrongToken):
            access.decode(token)


def test_every_cut_of_a_token_is_refused() -> None:
    token = made()

    for length in range(len(token)):
        with pytest.raises(WrongToken):
            access.decode(token[:length])
    for more in (".", ".AAAA", "A" * 2000, "\x00"):
        with pytest.raises(WrongToken):
            access.decode(token + more)


def test_a_token_whose_claims_were_exchanged_is_refused() -> None:
    header, _, signature = made().split(".")

    with pytest.raises(WrongToken):
        access.decode(f"{header}.{forging.packed(good(sub=str(uuid.uuid4())))}.{signature}")


# --- Rotation -------------------------------------------------------------------------------------


@pytest.fixture
def own_keyring(tmp_path: Path, settings: Any) -> keyring.Key:
    settings.TOKEN_KEYRING = tmp_path / "keyring.json"
    return keyring.create()


def test_what_a_retired_key_signed_before_is_valid_and_nothing_after(
    own_keyring: keyring.Key,
) -> None:
    before = made()
    keyring.add()
    keyring.retire(own_keyring.kid)

    assert access.decode(before).session_id == SESSION
    assert jwt.get_unverified_header(made())["kid"] != own_keyring.kid
    late = good(iat=moment(seconds=29), nbf=moment(seconds=0))
    assert access.decode(forging.signed(late, key=own_keyring.secret, kid=own_keyring.kid))


def test_a_retired_key_signs_nothing_new(
    own_keyring: keyring.Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.add()
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    with monkeypatch.context() as patch:
        patch.setattr(keyring, "_now", lambda: long_ago)
        # The new key must sign already at that moment for the old one to be retired.
        patch.setattr(keyring.Key, "signs", lambda key, _: key.retired_at is None)
        keyring.retire(own_keyring.kid)

    assert keyring.current().find(own_keyring.kid), "it still verifies"
    with pytest.raises(WrongToken):
        access.decode(forging.signed(good(), key=own_keyring.secret, kid=own_keyring.kid))


def test_what_a_removed_key_signed_is_refused_at_once(own_keyring: keyring.Key) -> None:
    token = made()
    keyring.add()
    keyring.remove(own_keyring.kid)

    with pytest.raises(WrongToken):
        access.decode(token)


# --- Whatever is sent -----------------------------------------------------------------------------


def fuzzed(seed: int) -> Iterator[str]:
    """Tokens with bits, signs and parts changed, and texts that never were one."""
    chance = random.Random(seed)
    token = made()
    header, payload, signature = token.split(".")
    letters = "ABCabc019-_.=+/ \x00\xff"

    def flip(text: str) -> str:
        place = chance.randrange(len(text))
        other = chance.choice([sign for sign in letters if sign != text[place]])
        return text[:place] + other + text[place + 1 :]

    def flip_bit(text: str) -> str:
        raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()

    def odd_json(text: str) -> str:
        value: Any = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        odd: list[Any] = [
            None,
            [],
            {},
            -1,
            1e308,
            "x" * 500,
            True,
            [[[]]],
            {"a": dict(value)},
            "\ud800",
            10**50,
        ]
        value[chance.choice([*value, "alg", "b64", "crit", "kid"])] = chance.choice(odd)
        return forging.packed(value)

    def noise() -> str:
        return "".join(chr(chance.randrange(256)) for _ in range(chance.randrange(600)))

    ways: list[Callable[[], str]] = [
        lambda: f"{flip(header)}.{payload}.{signature}",
        lambda: f"{header}.{flip(payload)}.{signature}",
        lambda: f"{flip_bit(header)}.{payload}.{signature}",
        lambda: f"{header}.{flip_bit(payload)}.{signature}",
        lambda: f"{header}.{payload}.{flip_bit(signature)}",
        lambda: f"{odd_json(header)}.{payload}.{signature}",
        lambda: f"{header}.{odd_json(payload)}.{signature}",
        lambda: token[: chance.randrange(len(token))],
        lambda: ".".join(chance.sample([header, payload, signature], 3)[: chance.randrange(1, 3)]),
        lambda: ".".join([header, payload, *[signature] * chance.randrange(2, 5)]),
        noise,
        lambda: f"{noise()}.{noise()}.{noise()}",
    ]
    while True:
        text = chance.choice(ways)()
        if text != token:
            yield text


def test_ten_thousand_broken_tokens_are_all_refused() -> None:
    """As the API meets them: anything but a refusal would be a 500."""
    authentication, factory = AccessTokenAuthentication(), RequestFactory()
    refused = 0

    for _, text in zip(range(FUZZED), fuzzed(seed=7519), strict=False):
        request = Request(factory.get("/", headers={"authorization": f"Bearer {text}"}))
        with pytest.raises(AuthenticationFailed):
            authentication.authenticate(request)
        refused += 1

    assert refused == FUZZED


@pytest.mark.django_db
def test_forged_and_broken_tokens_are_answered_with_401(settings: Any) -> None:
    settings.API_THROTTLE_STORE = "tests.accounts.tokens.test_access_tokens.never_wait"
    person = make_user("viewer")
    tokens = program(person)
    said = forging.claims(person.pk, tokens.session.pk)
    key, public = forging.foreign_key()
    forged = [
        forging.unsigned(said),
        *forging.signed_with_public_key(said),
        forging.signed(said, key=key),
        forging.signed(said, key=key, jwk=public),
        forging.signed(said, kid="A" * 43),
        forging.signed(said | {"aud": "x"}),
        forging.signed(said | {"iss": "x"}),
        forging.signed(said | {"exp": moment(minutes=-1)}),
        forging.signed(said | {"nbf": moment(minutes=1)}),
        forging.signed(said | {"sid": str(uuid.uuid4())}),
        forging.signed(said | {"sub": str(make_user("admin").pk)}),
        tokens.access[:-10],
        tokens.refresh,
        *(text for _, text in zip(range(200), fuzzed(seed=8725), strict=False)),
    ]

    assert ask_with(tokens) == 200
    for token in forged:
        response = Client().get(ME, headers=bearer(token.replace("\x00", "%00")))
        assert response.status_code == 401, token
        assert response.headers["WWW-Authenticate"].startswith("Bearer ")
        assert response.json()["type"] == "/api/problems/not-authenticated"


def never_wait(scope: str, subject: str, *, most: int, seconds: int) -> int:
    """A throttle that never holds anybody back."""
    return 0


@pytest.mark.django_db
def test_a_token_in_the_address_or_the_body_opens_nothing() -> None:
    """RFC 6750 allows both; both end in logs."""
    tokens = program(make_user("viewer"))

    assert Client().get(f"{ME}?access_token={tokens.access}").status_code == 401
    body = {"access_token": tokens.access}
    logged_out = Client().post("/api/v1/auth/logout/", body, content_type="application/json")
    assert logged_out.status_code == 401


@pytest.mark.django_db
def test_without_its_keys_the_api_is_away_and_tells_no_path(settings: Any, tmp_path: Path) -> None:
    tokens = program(make_user("viewer"))
    settings.TOKEN_KEYRING, settings.TOKEN_KEYRING_IS_MADE = tmp_path / "gone.json", False

    response = Client().get(ME, headers=bearer(tokens))

    assert response.status_code == 503
    assert response.json()["type"] == "/api/problems/tokens-unavailable"
    assert "gone.json" not in response.content.decode()
