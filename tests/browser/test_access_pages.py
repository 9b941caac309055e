"""Invitation, forgotten password and second factor in a browser."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.actions import invitations, password_resets, second_factor
from accounts.models import RecoveryCode, TotpDevice
from tests.accounts.invitations.letters import last_token
from tests.accounts.second_factor.factors import (
    PASSWORD,
    current_code,
    make_person,
    stop_the_clock,
    turn_on,
)
from tests.browser.harness import StaffPage
from tests.factories import make_user

pytestmark = pytest.mark.browser

NEW = "copper lantern meadow orbit"


@pytest.fixture(autouse=True)
def the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch)


def look(staff_page: StaffPage, name: str) -> None:
    """Sound at 1440 and 800 pixels, and something to see."""
    staff_page.check()
    for width in (1440, 800):
        assert staff_page.screenshot(name, width=width).stat().st_size > 5000


# --- Invitation -----------------------------------------------------------------------------------


def test_an_invitation_is_accepted_with_the_keyboard(staff_page: StaffPage) -> None:
    invitations.create("grace@example.org", "analyst", by=make_user("admin"))
    page = staff_page.open(f"/invitation/link/{last_token()}/")
    look(staff_page, "invitation")

    expect(page.get_by_label("Your name")).to_be_focused()
    page.keyboard.type("Grace")
    page.keyboard.press("Tab")
    page.keyboard.type("password1")
    page.keyboard.press("Tab")
    page.keyboard.type("password1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("stolen ones")).to_be_visible()
    staff_page.check()
    page.get_by_label("Password", exact=True).fill(NEW)
    page.get_by_label("Password again").fill(NEW)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Your account is ready")
    look(staff_page, "invitation-done")
    page.get_by_role("link", name="Log in").click()
    log_in(page, "grace@example.org", NEW)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_the_passwords_are_shown_when_asked(staff_page: StaffPage) -> None:
    invitations.create("grace@example.org", "analyst", by=make_user("admin"))
    page = staff_page.open(f"/invitation/link/{last_token()}/")

    page.get_by_role("button", name="Show the passwords").click()

    for label in ("Password", "Password again"):
        expect(page.get_by_label(label, exact=True)).to_have_attribute("type", "text")


def test_a_dead_link_gets_a_calm_page(staff_page: StaffPage) -> None:
    for path in ("/invitation/link/none/", "/password_reset/link/none/"):
        page = staff_page.open(path)

        expect(page.get_by_role("heading", level=1)).to_have_text("This link does not work")
        look(staff_page, "dead-link")


# --- Forgotten password ---------------------------------------------------------------------------


@pytest.mark.heavy
def test_a_forgotten_password_is_replaced(staff_page: StaffPage) -> None:
    user = make_person("viewer")
    page = staff_page.open("/login/")

    page.get_by_role("link", name="Forgotten password?").click()
    look(staff_page, "reset")
    page.get_by_label("E-mail address").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is not an e-mail address")).to_be_visible()
    staff_page.check()
    page.get_by_label("E-mail address").fill(user.email)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    look(staff_page, "reset-sent")
    page.goto(f"/password_reset/link/{last_token()}/")
    look(staff_page, "reset-new")
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_label("New password again").fill(NEW)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your password is set")
    look(staff_page, "reset-done")
    page.get_by_role("link", name="Log in").click()
    log_in(page, user.email, NEW)

    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_who_asks_too_often_is_told(staff_page: StaffPage) -> None:
    for number in range(password_resets.MOST_PER_ADDRESS):
        password_resets.request(f"nobody{number}@example.org", address="127.0.0.1")
    page = staff_page.open("/password_reset/")

    page.get_by_label("E-mail address").fill("ada@example.org")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("Try again in")


# --- Second factor --------------------------------------------------------------------------------


@pytest.mark.heavy
def test_one_time_codes_are_set_up_without_a_mouse(staff_page: StaffPage) -> None:
    user = make_person("viewer")
    page = staff_page(user).open("/second_factor/")
    look(staff_page, "factor-off")

    page.get_by_label("Your password").focus()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up one-time codes")
    look(staff_page, "factor-set-up")
    secret = TotpDevice.objects.get(user=user).secret.reveal()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert page.locator(".factor-key").inner_text().replace(" ", "") == secret
    page.get_by_label("Code from the app").focus()
    page.keyboard.type("12345x")
    page.keyboard.press("Enter")
    expect(page.get_by_text("does not belong to the secret")).to_be_visible()
    staff_page.check()
    page.get_by_label("Code from the app").fill(current_code(user, later=-1))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    expect(page.locator(".recovery-codes code")).to_have_count(10)
    look(staff_page, "factor-codes")
    page.get_by_role("link", name="I have kept them").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert second_factor.is_on(user)


@pytest.mark.heavy
def test_the_page_of_what_is_on_is_sound(staff_page: StaffPage) -> None:
    user = make_person("viewer")
    turn_on(user)
    kept = RecoveryCode.objects.filter(user=user)[0].pk
    RecoveryCode.objects.filter(user=user).exclude(pk=kept).update(used_at=timezone.now())
    page = staff_page(user).open("/")
    expect(page.get_by_text("You have one recovery code left.")).to_be_visible()

    page.get_by_role("link", name="Make new ones").click()
    look(staff_page, "factor-on")
    form = page.locator("#new-codes")
    form.get_by_label("Your password").fill(PASSWORD)
    form.get_by_label("Code").fill("000000x")
    page.keyboard.press("Enter")
    expect(form.get_by_text("This code is not right")).to_be_visible()
    staff_page.check()
    form.get_by_label("Your password").fill(PASSWORD)
    form.get_by_label("Code").fill(current_code(user))
    page.keyboard.press("Enter")

    expect(page.locator(".recovery-codes code")).to_have_count(10)
    staff_page.check()


def test_it_is_turned_off_and_the_browser_logged_out(staff_page: StaffPage) -> None:
    user = make_person("viewer")
    codes = turn_on(user)
    page = staff_page(user).open("/second_factor/")

    form = page.locator("#turn-off")
    form.get_by_label("Your password").fill(PASSWORD)
    form.get_by_label("Code").fill(codes[0])
    form.get_by_role("button", name="Turn off").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("One-time codes are off")
    staff_page.check()
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_only_the_codes_are_printed(staff_page: StaffPage) -> None:
    user = make_person("viewer")
    second_factor.enrol(user)
    page = staff_page(user).open("/second_factor/set-up/")
    page.get_by_label("Code from the app").fill(current_code(user))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Print", exact=True)).to_be_visible()

    page.emulate_media(media="print")

    expect(page.locator(".recovery-codes")).to_be_visible()
    expect(page.get_by_role("heading", name=user.email)).to_be_visible()
    for hidden in ("#header", ".factor-do", ".crumbs"):
        expect(page.locator(hidden)).to_be_hidden()


def log_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")
