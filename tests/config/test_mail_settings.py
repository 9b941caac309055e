"""How mails are sent, and where their links lead: wrong values stop the start by their name."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, get_connection

from config import environment

SECRET = "hunter2hunter2"


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda value: monkeypatch.setenv("EMAIL_URL", value)


def test_without_a_setting_mails_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMAIL_URL", raising=False)

    assert environment.mail("EMAIL_URL")["EMAIL_BACKEND"] == "config.printed_mail.EmailBackend"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 25, False, False, "", "")),
        ("smtp+tls://a:b@mail.example.org", ("mail.example.org", 587, True, False, "a", "b")),
        ("smtp+ssl://a:b@mail.example.org", ("mail.example.org", 465, False, True, "a", "b")),
        (
            "smtp+tls://ada%40example.org:p%2Fw%3A@mail:2525",
            ("mail", 2525, True, False, "ada@example.org", "p/w:"),
        ),
    ],
)
def test_an_address_of_a_server_is_read(url: Any, value: str, expected: tuple[Any, ...]) -> None:
    url(value)

    read = environment.mail("EMAIL_URL")

    assert read["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    names = ("HOST", "PORT", "USE_TLS", "USE_SSL", "HOST_USER", "HOST_PASSWORD")
    assert tuple(read[f"EMAIL_{name}"] for name in names) == expected


def test_a_folder_is_read(url: Any) -> None:
    url("filemail:///var/mail/lacuna")

    assert environment.mail("EMAIL_URL")["EMAIL_FILE_PATH"] == "/var/mail/lacuna"


@pytest.mark.parametrize(
    "value",
    [
        "mail.example.org",
        f"imap://ada:{SECRET}@mail.example.org",
        f"smtp://ada:{SECRET}@",
        f"smtp://ada:{SECRET}@mail.example.org:notaport",
        f"smtp://ada:{SECRET}@mail.example.org:99999",
        f"smtp://ada:{SECRET}@mail.example.org/path",
        f"smtp://ada:{SECRET}@[half",
        "filemail://relative/path",
        "filemail://",
    ],
)
def test_a_wrong_address_is_named_and_its_password_is_not(url: Any, value: str) -> None:
    url(value)

    with pytest.raises(ImproperlyConfigured) as refused:
        environment.mail("EMAIL_URL")

    assert str(refused.value).startswith("EMAIL_URL must look like smtp+tls://")
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_printed_mails_leave_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    connection = get_connection("config.printed_mail.EmailBackend")
    message = EmailMessage("Hello", "the text", to=["ada@example.org"], connection=connection)

    print(json.dumps({"sent": message.send()}))  # noqa: T201 - as a command with --json does

    said = capsys.readouterr()
    assert json.loads(said.out) == {"sent": 1}
    assert "the text" in said.err


def test_printed_mails_can_go_elsewhere() -> None:
    stream = io.StringIO()
    connection = get_connection("config.printed_mail.EmailBackend", stream=stream)

    EmailMessage("Hello", "the text", to=["ada@example.org"], connection=connection).send()

    assert "the text" in stream.getvalue()


# --- SITE_URL -------------------------------------------------------------------------------------


def site(monkeypatch: pytest.MonkeyPatch, value: str, **given: bool) -> str:
    monkeypatch.setenv("SITE_URL", value)
    return environment.site_url("SITE_URL", **({"required": False, "https": False} | given))


def test_it_is_required_once_mails_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert site(monkeypatch, "") == "http://localhost:8000"
    with pytest.raises(ImproperlyConfigured, match="SITE_URL is missing: mails are sent"):
        site(monkeypatch, "", required=True)


@pytest.mark.parametrize(
    "value", ["https://lacuna.example.org", "http://localhost:8000", "https://[2001:db8::1]:8443"]
)
def test_an_address_is_taken_without_its_last_slash(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    assert site(monkeypatch, f"{value}/") == value


@pytest.mark.parametrize(
    "value",
    [
        "lacuna.example.org",
        "ftp://lacuna.example.org",
        "https://",
        "https://lacuna.example.org/path",
        "https://lacuna.example.org?x=1",
        "https://lacuna.example.org#x",
        "https://ada@lacuna.example.org",
        "https://lacuna.example.org:notaport",
    ],
)
def test_what_is_no_address_of_a_site_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SITE_URL is .* without a path"):
        site(monkeypatch, value)


def test_with_https_it_begins_with_https(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="must begin with https"):
        site(monkeypatch, "http://lacuna.example.org", https=True)


@pytest.mark.parametrize("value", ["nobody", "@example.org", "a@b\nBcc: c@d", "Lacuna <>"])
def test_who_mails_are_from_is_an_address(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("EMAIL_FROM", value)

    with pytest.raises(ImproperlyConfigured, match="EMAIL_FROM is"):
        environment.mail_address("EMAIL_FROM", "lacuna@localhost")
