"""What is signed is verified by the library that receivers use."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from database.fields import uuid7
from webhooks import signing


@given(data=st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=5))
def test_a_receiver_with_the_secret_verifies_any_message(data: dict[str, str]) -> None:
    secret, event = signing.new_secret(), uuid7()
    body = json.dumps(data).encode()

    told = signing.headers([secret], event, datetime.now(UTC), body)

    assert Webhook(secret).verify(body, told) == data


def test_the_signature_is_that_of_the_reference() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    at = datetime.fromtimestamp(1614265330, UTC)

    made = signing.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert made == Webhook(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body.decode())


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body", "secret"])
def test_whatever_is_changed_on_the_way_is_noticed(changed: str) -> None:
    secret, body = signing.new_secret(), b'{"a": 1}'
    told = signing.headers([secret], uuid7(), datetime.now(UTC), body)
    if changed == "body":
        body = b'{"a": 2}'
    elif changed == "secret":
        secret = signing.new_secret()
    elif changed == "webhook-id":
        told[changed] = signing.message_id(uuid7())
    else:
        told[changed] = str(int(told[changed]) + 1)

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, told)


def test_an_old_message_is_not_taken_again() -> None:
    secret = signing.new_secret()
    told = signing.headers([secret], uuid7(), datetime.now(UTC) - timedelta(hours=1), b"{}")

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"{}", told)


def test_while_a_secret_is_changed_both_verify() -> None:
    new, old = signing.new_secret(), signing.new_secret()
    told = signing.headers([new, old], uuid7(), datetime.now(UTC), b"{}")

    assert Webhook(new).verify(b"{}", told) == {}
    assert Webhook(old).verify(b"{}", told) == {}


def test_secrets_differ_and_have_256_bits() -> None:
    made = {signing.new_secret() for _ in range(20)}

    assert len(made) == 20
    assert all(one.startswith("whsec_") and len(one) == 6 + 44 for one in made)


def test_a_secret_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not base64"):
        signing.signature("whsec_!", "msg_1", 1, b"")
