"""Whatever a provider does wrong, one of our refusals says so."""

from __future__ import annotations

import json
import socket
import time
import tracemalloc
from dataclasses import replace
from email.utils import formatdate

import pytest

from providers import prompts
from providers.adapters import statuses
from providers.adapters.adapter import Adapter
from providers.adapters.openai import OpenAI
from providers.addresses import LOOPBACK
from providers.interface import (
    Access,
    AnswerUnreadable,
    KeyRefused,
    Picture,
    ProviderBusy,
    ProviderDown,
    RequestRefused,
    Usage,
)
from tests.providers import misdeeds
from tests.providers.conftest import Ask
from tests.providers.misdeeds import Behaviour
from tests.providers.stub import Stub, stub

BILLED = Usage(input_tokens=1200, output_tokens=90, cached_input_tokens=200)


@pytest.mark.parametrize(
    ("behaviour", "refusal"),
    [
        (misdeeds.status(401), KeyRefused),
        (misdeeds.status(403), KeyRefused),
        (misdeeds.status(402, "billing_error"), KeyRefused),
        (misdeeds.status(429, "insufficient_quota"), KeyRefused),
        (misdeeds.status(429, "rate_limit_error"), ProviderBusy),
        (misdeeds.status(400), RequestRefused),
        (misdeeds.status(404, "model_not_found"), RequestRefused),
        (misdeeds.status(413, "request_too_large"), RequestRefused),
        (misdeeds.status(422), RequestRefused),
        (misdeeds.status(408), ProviderDown),
        (misdeeds.status(500), ProviderDown),
        (misdeeds.status(503), ProviderDown),
        (misdeeds.status(529, "overloaded_error"), ProviderDown),
        (misdeeds.html(502), ProviderDown),
        (misdeeds.html(403), KeyRefused),
        (misdeeds.half_an_answer(), ProviderDown),
        (misdeeds.reset(), ProviderDown),
        (misdeeds.half_a_json(), AnswerUnreadable),
        (misdeeds.html(), AnswerUnreadable),
        (misdeeds.page(b""), AnswerUnreadable),
        (misdeeds.page(b"[" * 100_000), AnswerUnreadable),
        (misdeeds.page(b"\xff\xfe\x00"), AnswerUnreadable),
        (misdeeds.answer([]), AnswerUnreadable),
        (misdeeds.answer({}), AnswerUnreadable),
        (misdeeds.answer({"output": {"a": 1}, "content": 7, "candidates": "x"}), AnswerUnreadable),
        (misdeeds.wrongly_packed(), AnswerUnreadable),
        (misdeeds.wrongly_packed(500), ProviderDown),
        (misdeeds.wrongly_packed(401), KeyRefused),
    ],
)
def test_each_misdeed_has_its_refusal(
    ask: Ask, served: Stub, behaviour: Behaviour, refusal: type[Exception]
) -> None:
    served.behave(behaviour)

    with pytest.raises(refusal) as caught:
        ask()

    assert type(caught.value) is refusal
    assert str(caught.value).endswith((".", "'"))


@pytest.mark.parametrize(
    "text",
    ["", "I see a crow.", '{"annotations": [', '{"annotations": {}}', "[]", "null", '"x"'],
)
def test_a_model_that_says_no_list_of_boxes_is_unreadable_and_billed(
    ask: Ask, served: Stub, text: str
) -> None:
    served.behave(misdeeds.said(text))

    with pytest.raises(AnswerUnreadable) as caught:
        ask()

    assert caught.value.usage == BILLED


@pytest.mark.parametrize("one", [None, 7, "box", [], {}, {"box": 1, "box_2d": {}}, [[1, 2, 3, 4]]])
def test_an_entry_that_is_no_box_is_left_out(ask: Ask, served: Stub, one: object) -> None:
    served.behave(misdeeds.said(json.dumps({"annotations": [one]})))

    answer = ask()

    assert answer.boxes == ()
    assert answer.remarks == ("Box 1 was left out: its confidence is not a number.",)


def test_an_answer_that_was_cut_short_is_unreadable_and_billed(ask: Ask, served: Stub) -> None:
    served.behave(misdeeds.said('{"annotations": []}', ended="too long"))

    with pytest.raises(AnswerUnreadable, match="did not finish") as caught:
        ask()

    assert caught.value.usage == BILLED


@pytest.mark.parametrize("ended", ["refused", "withheld"])
def test_a_model_that_will_not_look_refuses_the_request_and_is_billed(
    ask: Ask, served: Stub, ended: str
) -> None:
    served.behave(misdeeds.said("I cannot help with that.", ended=ended))

    with pytest.raises(RequestRefused) as caught:
        ask()

    assert caught.value.usage == BILLED
    assert "I cannot help" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("rate_limit_exceeded", ProviderBusy),
        ("server_error", ProviderDown),
        ("image_too_large", RequestRefused),
        ("never_heard_of", RequestRefused),
    ],
)
def test_an_answer_that_says_itself_that_it_failed(code: str, refusal: type[Exception]) -> None:
    assert type(statuses.failed("OpenAI", code)) is refusal


def test_seconds_to_wait_are_believed(ask: Ask, served: Stub) -> None:
    served.behave(misdeeds.status(429, "rate_limit_error", retry_after="7"))

    with pytest.raises(ProviderBusy, match="in 7 seconds") as caught:
        ask()

    assert caught.value.retry_after == 7


def test_a_date_to_wait_for_is_counted_from_the_providers_clock(ask: Ask, served: Stub) -> None:
    later = formatdate(time.time() + 30, usegmt=True)
    served.behave(misdeeds.status(429, "rate_limit_error", retry_after=later))

    with pytest.raises(ProviderBusy) as caught:
        ask()

    assert caught.value.retry_after is not None
    assert 28 <= caught.value.retry_after <= 31


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "999999999"}, 86_400.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
        (
            {
                "retry-after": "Sat, 21 Nov 2026 12:00:30 GMT",
                "date": "Sat, 21 Nov 2026 12:00:00 GMT",
            },
            30.0,
        ),
        (
            {
                "retry-after": "Sat, 21 Nov 2026 11:00:00 GMT",
                "date": "Sat, 21 Nov 2026 12:00:00 GMT",
            },
            0.0,
        ),
        ({"retry-after": "Sat, 99 Nov 2026 12:00:30 GMT"}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert statuses.retry_after(headers) == seconds


def test_google_says_in_the_body_how_long_to_wait() -> None:
    kind = "type.googleapis.com/google.rpc.RetryInfo"
    body = {"error": {"details": [{"@type": kind, "retryDelay": "34.5s"}]}}

    assert statuses.retry_after({}, body) == 34.5


def test_googles_refusal_of_a_key_is_known_by_its_reason() -> None:
    body = {"error": {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}}

    assert type(statuses.refusal("Google", 400, {}, body)) is KeyRefused
    assert type(statuses.refusal("Google", 400, {}, [body])) is KeyRefused


def test_a_known_reason_is_told_in_our_words() -> None:
    body = {"error": {"code": "model_not_found", "message": "The model `x` does not exist"}}

    assert str(statuses.refusal("OpenAI", 404, {}, body)) == (
        "OpenAI refuses the request: it has no such model, or not for this key (HTTP 404)."
    )


def test_silence_ends_with_the_time_out(ask: Ask, served: Stub) -> None:
    ask()  # the library is imported
    served.behave(misdeeds.silence())
    began = time.monotonic()

    with pytest.raises(ProviderDown, match=r"within 0\.4 seconds"):
        ask(timeout=0.4)

    assert time.monotonic() - began < 5


def test_an_answer_that_drips_ends_with_the_time_out(ask: Ask, served: Stub) -> None:
    ask()
    served.behave(misdeeds.drip(pause=0.02))
    began = time.monotonic()

    with pytest.raises(ProviderDown, match=r"within 0\.4 seconds"):
        ask(timeout=0.4)

    assert time.monotonic() - began < 5


def test_a_provider_that_does_not_listen_ends_with_the_time_out(picture: Picture) -> None:
    large = replace(picture, data=bytes(16 * 1024 * 1024))  # more than the network holds back
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        access = Access("sk-some-key", f"http://127.0.0.1:{deaf.getsockname()[1]}/v1", 0.5)

        with pytest.raises(ProviderDown, match=r"within 0\.5 seconds"):
            OpenAI(reach=LOOPBACK).annotate(
                access, "gpt-stub", large, prompts.birds(), prompts.boxes()
            )


def test_a_bomb_is_unpacked_no_further_than_an_answer_may_be_long(ask: Ask, served: Stub) -> None:
    ask()
    served.behave(misdeeds.gzip_bomb(64 * 1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(AnswerUnreadable, match="8388608 bytes"):
            ask()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 32 * 1024 * 1024


def test_a_redirect_is_not_followed_and_the_key_stays_here(ask: Ask, served: Stub) -> None:
    with stub() as elsewhere:
        served.behave(misdeeds.redirect(elsewhere.address + "/openai/v1/responses"))

        with pytest.raises(RequestRefused, match="sends elsewhere"):
            ask()

        assert elsewhere.requests == []
    assert len(served.requests) == 1


def test_a_key_revoked_in_the_middle_is_refused_from_then_on(ask: Ask, served: Stub) -> None:
    served.revoke(after=2)

    assert len(ask().boxes) == len(ask().boxes) == 1
    with pytest.raises(KeyRefused):
        ask()


def test_nobody_at_the_address_is_no_connection(adapter: Adapter, picture: Picture) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        access = Access(key="sk-some-key", base_url=f"http://127.0.0.1:{port}", timeout=5)

        with pytest.raises(ProviderDown, match="refuses the connection"):
            adapter.annotate(
                access, adapter.default_model, picture, prompts.birds(), prompts.boxes()
            )


def test_the_check_meets_the_same_refusals(served: Stub, adapter: Adapter) -> None:
    served.then(misdeeds.status(500), misdeeds.html(), misdeeds.answer({"data": 1, "models": 1}))
    served.then(misdeeds.status(429, "rate_limit_error"))

    for refusal in (ProviderDown, AnswerUnreadable, AnswerUnreadable, ProviderBusy):
        with pytest.raises(refusal):
            adapter.check(served.access(adapter.name))
    with pytest.raises(KeyRefused):
        adapter.check(served.access(adapter.name, key="sk-another-key"))
