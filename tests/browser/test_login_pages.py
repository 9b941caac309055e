"""The door in a browser: both steps, one's own password, with keys alone, in light and dark."""

from __future__ import annotations

import re
import time

import pyotp
import pytest
from playwright.sync_api import Page, expect

from accounts.actions import second_factor
from accounts.models import User
from tests.browser.harness import StaffPage
from tests.factories import make_user

pytestmark = pytest.mark.browser

PASSWORD = "a long enough phrase 42"
NEW = "vier Wörter ohne jeden Sinn"


@pytest.fixture
def person(transactional_db: None) -> User:
    person = make_user("viewer", email="grace@example.org", full_name="Grace")
    person.set_password(PASSWORD)
    person.save()
    return person


def focused_name(page: Page) -> str:
    name: str = page.evaluate("document.activeElement.name || document.activeElement.textContent")
    return name.strip()


def test_both_steps_are_sound_in_both_schemes(staff_page: StaffPage, person: User) -> None:
    app = pyotp.TOTP(second_factor.enrol(person).secret)
    second_factor.confirm(person, app.now())
    page = staff_page.open("/login/?late=1&next=/search/")
    expect(page.get_by_role("alert")).to_contain_text("Begin again")

    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your one-time code")
    staff_page.check()
    page.get_by_label("Code").fill("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Code")).to_have_accessible_description(re.compile("not right"))
    staff_page.check()
    page.get_by_label("Code").fill(app.at(int(time.time()) + 30))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Search")
    staff_page.check()


def test_the_door_is_used_by_keys_alone(staff_page: StaffPage, person: User) -> None:
    page = staff_page.open("/login/")
    assert focused_name(page) == "username"

    page.keyboard.type(person.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    assert focused_name(page) == "Show the password"
    page.keyboard.press("Space")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
    expect(page.get_by_role("button", name="Show the password", pressed=True)).to_be_visible()
    staff_page.check()
    page.keyboard.press("Space")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "password")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_password_is_pasted(staff_page: StaffPage, person: User) -> None:
    """ASVS 5.0 V6.2.7."""
    page = staff_page.open("/login/")
    page.get_by_label("E-mail address").fill(PASSWORD)
    page.get_by_label("E-mail address").select_text()
    page.keyboard.press("ControlOrMeta+x")

    page.get_by_label("Password", exact=True).focus()
    page.keyboard.press("ControlOrMeta+v")

    expect(page.get_by_label("Password", exact=True)).to_have_value(PASSWORD)


def test_ones_own_password_is_changed(staff_page: StaffPage, person: User) -> None:
    page = staff_page(person).open("/password_change/")

    page.get_by_label("Your password until now").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("Grace2026")
    page.get_by_label("New password again").fill("Grace2026")
    page.get_by_role("button", name="Show the passwords").click()
    page.get_by_role("button", name="Change password").click()
    described = page.get_by_label("New password", exact=True)
    expect(described).to_have_accessible_description(re.compile("soon be guessed"))
    staff_page.check()
    page.get_by_label("Your password until now").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_label("New password again").fill(NEW)
    page.get_by_role("button", name="Change password").click()

    expect(page.get_by_text("Your new password is in force")).to_be_visible()
    staff_page.check()
    staff_page.open("/search/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Search")
