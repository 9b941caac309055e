"""The pages of one's own second factor, as a browser without scripts uses them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.actions import log_in, second_factor
from accounts.models import RecoveryCode, Session, TotpDevice, User
from database.models import SystemSetting
from tests.accounts.second_factor.factors import (
    PASSWORD,
    current_code,
    make_person,
    turn_on,
    wrong_code,
)
from tests.accounts.stored import places_of
from tests.audit.capture.told import everything

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_clock_stands"),
]

_CODE = re.compile(r"<code>((?:[A-Z2-7]{4}-){5}[A-Z2-7]{4})</code>")


@pytest.fixture
def user() -> User:
    return make_person("viewer")


@pytest.fixture
def client(user: User) -> Client:
    made = Client()
    made.force_login(user)
    return made


def text(response: Any) -> str:
    return str(response.content.decode())


def set_up(client: Client, user: User) -> list[str]:
    """Through the pages; the recovery codes that were shown."""
    shown = client.post("/second_factor/begin/", {"begin-password": PASSWORD}, follow=True)
    assert shown.redirect_chain == [("/second_factor/set-up/", 302)]
    done = client.post("/second_factor/set-up/", {"code": current_code(user, later=-1)})
    return _CODE.findall(text(done))


def test_it_is_set_up_step_by_step(client: Client, user: User) -> None:
    assert "Set up one-time codes" in text(client.get("/second_factor/"))
    begun = client.post("/second_factor/begin/", {"begin-password": PASSWORD}, follow=True)
    secret = TotpDevice.objects.get().secret.reveal()

    assert secret in text(begun).replace(" ", "")
    assert "<svg" in text(begun)
    assert "otpauth://totp/Lacuna:" in text(begun)
    assert 'style="' not in text(begun)
    assert "no-store" in begun["Cache-Control"]

    wrong = client.post("/second_factor/set-up/", {"code": wrong_code(user)})
    assert "does not belong to the secret" in text(wrong)
    assert secret in text(wrong).replace(" ", ""), "the same secret is still shown"

    done = client.post("/second_factor/set-up/", {"code": current_code(user)})
    assert len(_CODE.findall(text(done))) == 10
    assert secret not in text(done).replace(" ", "")
    assert "no-store" in done["Cache-Control"]
    assert second_factor.is_on(user)


def test_the_session_in_which_it_is_done_goes_on_and_others_end(client: Client, user: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(user)

    set_up(client, user)

    assert client.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302
    assert Session.objects.get(ended_at=None).has_second_factor


def test_the_secret_is_not_shown_again_once_it_counts(client: Client, user: User) -> None:
    set_up(client, user)

    again = client.get("/second_factor/set-up/")

    assert (again.status_code, again["Location"]) == (302, "/second_factor/")
    assert TotpDevice.objects.get().secret.reveal() not in text(client.get("/second_factor/"))


def test_without_the_password_nothing_begins(client: Client, user: User) -> None:
    answer = client.post("/second_factor/begin/", {"begin-password": "wrong"})

    assert "not your password" in text(answer)
    assert not TotpDevice.objects.exists()
    user.refresh_from_db()
    assert user.failed_login_count == 1


def test_logging_in_asks_for_a_code_from_then_on(client: Client, user: User) -> None:
    codes = set_up(client, user)
    fresh = Client()

    first = fresh.post("/login/", {"username": user.email, "password": PASSWORD})
    assert first["Location"].startswith("/login/code/")
    assert fresh.get("/").status_code == 302
    refused = fresh.post("/login/code/", {"code": wrong_code(user)})
    assert log_in.CODE_REFUSED in text(refused).replace("&#x27;", "'")
    fresh.post("/login/code/", {"code": codes[0]})

    assert fresh.get("/").status_code == 200
    assert second_factor.status(user).codes_left == 9


def test_new_recovery_codes_are_made_for_password_and_code(client: Client, user: User) -> None:
    old = set_up(client, user)
    given = {"new-password": PASSWORD, "new-code": current_code(user)}

    wrong = client.post("/second_factor/codes/", given | {"new-code": wrong_code(user)})
    assert _CODE.findall(text(wrong)) == []
    new = _CODE.findall(text(client.post("/second_factor/codes/", given)))

    assert len(set(new) - set(old)) == 10
    assert second_factor.verify(user, new[0])
    assert not second_factor.verify(user, old[0])


def test_turning_it_off_logs_out_everywhere(client: Client, user: User) -> None:
    codes = set_up(client, user)

    off = client.post("/second_factor/off/", {"off-password": PASSWORD, "off-code": codes[0]})

    assert "One-time codes are off" in text(off)
    assert client.get("/").status_code == 302
    assert not second_factor.is_on(user)
    assert not Session.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"off-password": "wrong"}, "not your password"),
        ({"off-code": "none"}, "This code is not right"),
        ({"off-code": ""}, "Type the code"),
        ({"off-password": ""}, "Type your password"),
    ],
)
def test_without_proof_it_stays_on(
    client: Client, user: User, changed: dict[str, str], sentence: str
) -> None:
    set_up(client, user)
    given = {"off-password": PASSWORD, "off-code": current_code(user)}

    answer = client.post("/second_factor/off/", given | changed)

    assert sentence in text(answer)
    assert PASSWORD not in text(answer)
    assert second_factor.is_on(user)


@pytest.mark.parametrize("path", ["begin", "codes", "off"])
def test_changes_come_by_post_alone(client: Client, path: str) -> None:
    assert client.get(f"/second_factor/{path}/").status_code == 405


@pytest.mark.parametrize("path", ["", "begin/", "set-up/", "codes/", "off/"])
def test_strangers_are_led_to_the_log_in(path: str) -> None:
    answer = Client().post(f"/second_factor/{path}", {"code": "123456"})

    assert answer["Location"].startswith("/login/")


def test_who_must_have_one_is_led_there_and_nowhere_else(client: Client, user: User) -> None:
    SystemSetting.objects.create(setting_key="require_second_factor_for_staff", setting_value=True)

    led = client.get("/imaging/image/", follow=True)
    assert led.redirect_chain == [("/second_factor/", 302)]
    assert "Everybody who works here needs one-time codes" in text(led)
    set_up(client, user)

    assert client.get("/").status_code == 200


def test_the_overview_warns_when_few_recovery_codes_are_left(client: Client, user: User) -> None:
    set_up(client, user)
    assert "recovery code" not in text(client.get("/"))

    for key in RecoveryCode.objects.values_list("pk", flat=True)[:7]:
        RecoveryCode.objects.filter(pk=key).delete()

    assert "You have 3 recovery codes left" in text(client.get("/"))


def test_no_secret_is_stored_or_logged(
    client: Client, user: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    codes = set_up(client, user)
    secret = TotpDevice.objects.get().secret.reveal()
    turn_off = {"off-password": PASSWORD, "off-code": codes[0]}
    plain = [code.replace("-", "") for code in codes]

    assert places_of(secret, PASSWORD, *codes, *plain) == []
    client.post("/second_factor/off/", turn_off)

    told = caplog.text + everything()
    assert "a mail was sent" in told
    assert not [word for word in (secret, PASSWORD, *codes) if word in told]
    assert not [letter for letter in mail.outbox if secret in str(letter.body)]


def test_others_see_nothing_of_it(client: Client) -> None:
    other = make_person("analyst")
    turn_on(other)

    assert "Set up one-time codes" in text(client.get("/second_factor/"))
