"""Neither the key nor the picture comes out anywhere but at the provider."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from providers.adapters.adapter import Adapter
from providers.interface import Access, Answer, ProviderError
from tests.providers import misdeeds
from tests.providers.conftest import Ask
from tests.providers.dialects import DIALECTS, Drawn, Tokens
from tests.providers.misdeeds import Behaviour
from tests.providers.stub import KEY, Stub

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = {"anthropic", "google.genai", "httpcore2", "httpx2", "openai"}


@pytest.mark.parametrize(
    "behaviour",
    [
        misdeeds.echoing(code=400),
        misdeeds.echoing("Incorrect API key provided: {key}.", code=401),
        misdeeds.echoing(code=404),
        misdeeds.echoing(code=429),
        misdeeds.echoing(code=500),
        misdeeds.echoing(code=200),
        misdeeds.half_a_json(),
        misdeeds.half_an_answer(),
        misdeeds.html(),
        misdeeds.reset(),
        misdeeds.said(KEY),
        misdeeds.redirect("http://127.0.0.1:1/"),
    ],
)
def test_no_refusal_and_no_log_line_holds_the_key_or_the_picture(
    ask: Ask, served: Stub, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.NOTSET)
    served.behave(behaviour)

    with pytest.raises(ProviderError) as caught:
        ask()

    told = [
        str(caught.value),
        repr(caught.value),
        repr(vars(caught.value)),
        "".join(traceback.format_exception(caught.value)),
        caplog.text,
    ]
    _assert_secret(told, served)


@pytest.mark.parametrize(
    "behaviour", [misdeeds.status(500), misdeeds.reset(), misdeeds.wrongly_packed()]
)
def test_nothing_of_the_request_hangs_on_a_refusal(
    ask: Ask, served: Stub, behaviour: Behaviour
) -> None:
    served.behave(behaviour)

    with pytest.raises(ProviderError) as caught:
        ask()

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_frames_that_a_refusal_went_through_do_not_show_the_key(ask: Ask, served: Stub) -> None:
    served.behave(misdeeds.status(500))

    with pytest.raises(ProviderError) as caught:
        ask()

    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert KEY not in "".join(told.format())


def test_a_good_answer_is_not_logged_either(
    ask: Ask, served: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.NOTSET)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.DEBUG)

    answer = ask()

    _assert_secret([caplog.text, repr(answer)], served)


def test_a_key_that_the_provider_repeats_is_removed(
    ask: Ask, served: Stub, adapter: Adapter
) -> None:
    dialect = DIALECTS[adapter.name]
    drawn = dialect.written(Drawn(label=f"the key is {KEY}"), (640, 480))
    envelope = dialect.answer(json.dumps({"annotations": [drawn]}), Tokens())
    served.behave(misdeeds.answer({**envelope, "note": KEY}))

    answer: Answer = ask(labels=())

    assert answer.boxes[0].label == "the key is [key removed]"
    assert answer.raw["note"] == "[key removed]"
    assert KEY not in repr(answer)


def test_an_access_does_not_show_its_key() -> None:
    assert KEY not in repr(Access(key=KEY))


def test_nothing_is_taken_from_the_environment(
    ask: Ask, served: Stub, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "http://127.0.0.1:1"
    for name, value in {
        "ALL_PROXY": nowhere,
        "HTTP_PROXY": nowhere,
        "http_proxy": nowhere,
        "HTTPS_PROXY": nowhere,
        "OPENAI_ADMIN_KEY": "sk-other-admin",
        "OPENAI_API_KEY": "sk-other-openai",
        "OPENAI_BASE_URL": nowhere,
        "OPENAI_CUSTOM_HEADERS": "X-Leak: yes\nAuthorization: Bearer sk-other",
        "OPENAI_ORG_ID": "org-other",
        "OPENAI_PROJECT_ID": "project-other",
        "ANTHROPIC_API_KEY": "sk-other-anthropic",
        "ANTHROPIC_AUTH_TOKEN": "other-token",
        "ANTHROPIC_BASE_URL": nowhere,
        "ANTHROPIC_CUSTOM_HEADERS": "X-Leak: yes\nX-Api-Key: sk-other",
        "GEMINI_API_KEY": "other-gemini",
        "GOOGLE_API_KEY": "other-google",
        "GOOGLE_CLOUD_PROJECT": "project-other",
        "GOOGLE_GEMINI_BASE_URL": nowhere,
        "GOOGLE_GENAI_API_VERSION": "v9",
        "GOOGLE_GENAI_CLIENT_MODE": "replay",
        "GOOGLE_GENAI_USE_VERTEXAI": "true",
    }.items():
        monkeypatch.setenv(name, value)

    ask()

    (seen,) = served.requests
    assert seen.key == KEY
    assert (
        seen.path
        == {
            "openai": "/openai/v1/responses",
            "anthropic": "/anthropic/v1/messages",
            "google": f"/google/v1beta/models/{adapter.default_model}:generateContent",
        }[adapter.name]
    )
    assert set(seen.headers) <= {
        "accept",
        "accept-encoding",
        "anthropic-version",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-api-key",
        "x-goog-api-key",
    }
    assert "other" not in repr(seen.headers)


def test_importing_the_adapters_imports_no_library_and_no_settings() -> None:
    program = (
        "import sys, providers.boxes, providers.prompts, providers.addresses\n"
        "import providers.adapters.openai, providers.adapters.anthropic\n"
        "import providers.adapters.google\n"
        f"print(sorted({LIBRARIES | {'django'}!r} & set(sys.modules)))"
    )

    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert said.stdout == "[]\n"


def _assert_secret(told: list[str], served: Stub) -> None:
    picture = served.requests[-1].picture
    secrets = [KEY, repr(picture[:24])[2:-1], base64.b64encode(picture).decode()[:64]]
    for text in told:
        assert not [secret for secret in secrets if secret in text]
