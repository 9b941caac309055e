"""The pages about people and access in a browser: sound everywhere, and usable with keys alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from accounts.actions import api_keys, log_in
from accounts.models import ApiKey, Invitation, Session, User
from tests.accounts.admin.scene import (
    ACCOUNT,
    INVITATIONS,
    KEYS,
    PASSWORD,
    PEOPLE,
    SESSIONS,
    door_of,
    make_key,
    make_session,
    page_of,
    people_in_every_state,
    with_password,
)
from tests.accounts.invitations.letters import last_token
from tests.accounts.second_factor.factors import current_code, stop_the_clock, turn_on
from tests.browser.harness import StaffPage
from tests.factories import make_user

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch)


@pytest.fixture
def admin(transactional_db: None) -> User:
    return with_password("admin", full_name="Grace Hopper")


def title(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def focused(page: Page) -> str:
    """What has the focus, as a person would name it; it must be seen to have it."""
    found: list[str] = page.evaluate(
        "(() => { const e = document.activeElement, s = getComputedStyle(e);"
        " return [e.labels?.[0]?.innerText || e.innerText || e.name || e.id, s.outlineStyle,"
        " s.boxShadow]; })()"
    )
    assert found[1] != "none" or found[2] != "none", f"{found[0]}: the focus is not to be seen"
    return " ".join(found[0].split())


def press_tab_until(page: Page, name: str, most: int = 60) -> None:
    """With the keyboard alone, to whatever is called so."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page) == name:
            return
    raise AssertionError(f"{name!r} is not reached with {most} tabs")


# --- Every page -----------------------------------------------------------------------------------


@pytest.mark.heavy
def test_the_pages_are_sound_with_everything_in_them(staff_page: StaffPage, admin: User) -> None:
    people = people_in_every_state(admin)
    ada = people["ada"]
    key = ApiKey.objects.filter(user=ada).order_by("id")[0]
    paths = [PEOPLE, SESSIONS, KEYS, INVITATIONS, ACCOUNT, f"{ACCOUNT}name/"]
    paths += [f"{PEOPLE}add/", f"{KEYS}add/", f"{INVITATIONS}add/", f"{ACCOUNT}sessions/"]
    paths += [page_of(person) for person in [*people.values(), admin]]
    paths += [door_of(ada, name) for name in ("role", "password", "factor", "deactivate")]
    paths += [page_of(Session.objects.filter(user=ada)[0]), door_of(ada, "end-sessions")]
    paths += [page_of(one) for one in ApiKey.objects.all()]
    paths += [door_of(key, name) for name in ("edit", "revoke")]
    paths += [page_of(one) for one in Invitation.objects.all()]
    staff_page(admin)

    for path in paths:
        staff_page.open(path)
    for name, path in (("people", PEOPLE), ("person", page_of(ada)), ("account", ACCOUNT)):
        staff_page.page.goto(path)
        for width in (1440, 800):
            assert staff_page.screenshot(name, width=width).stat().st_size > 20_000


@pytest.mark.heavy
def test_the_pages_are_sound_with_nothing_in_them(staff_page: StaffPage, admin: User) -> None:
    staff_page(admin)
    bare = make_user("viewer")

    for path in (KEYS, INVITATIONS, ACCOUNT, page_of(bare), f"{PEOPLE}?access=locked"):
        staff_page.open(path)
    page = staff_page.open(KEYS)

    expect(page.get_by_text("No key was made yet.")).to_be_visible()
    expect(page.get_by_role("link", name="Make a key for yourself")).to_have_count(2)


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer"])
def test_ones_own_account_is_sound_for_every_role(staff_page: StaffPage, role: str) -> None:
    person = with_password(role)
    turn_on(person)
    make_key(person)
    staff_page(person)

    page = staff_page.open("/")
    page.locator(".account summary").click()
    page.get_by_role("link", name="Your account").click()

    expect(page.get_by_text("you are here")).to_be_visible()
    staff_page.check()
    expect(page.get_by_role("navigation", name="People and access")).to_have_count(0)


# --- Coming in ------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_somebody_is_invited_comes_in_and_sets_up_codes(staff_page: StaffPage, admin: User) -> None:
    page = staff_page(admin).open(PEOPLE)
    page.keyboard.press("i")
    page.wait_for_url("**/accounts/invitation/add/")
    page.get_by_label("E-mail address").fill("grace@example.org")
    page.get_by_label("analyst").check()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("on its way to grace@example.org")
    staff_page.check()
    page.locator(".account summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are logged out")

    page.goto(f"/invitation/link/{last_token()}/")
    page.get_by_label("Your name").fill("Grace Murray")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("E-mail address").fill("grace@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")

    page.goto(ACCOUNT)
    page.get_by_role("link", name="Set up (One-time codes)").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up one-time codes")
    grace = User.objects.get(email="grace@example.org")
    page.get_by_label("Code from the app").fill(current_code(grace, later=-1))
    page.keyboard.press("Enter")
    expect(page.locator(".recovery-codes code")).to_have_count(10)
    page.goto(ACCOUNT)

    expect(page.get_by_text("10 recovery codes left").first).to_be_visible()
    staff_page.check()


@pytest.mark.heavy
def test_whoever_fails_too_often_is_let_in_again_by_an_admin(
    staff_page: StaffPage, admin: User
) -> None:
    mary = with_password("viewer", full_name="Mary Somerville")
    page = staff_page.open("/login/")
    for _ in range(log_in.FAILURES_TO_LOCK):
        page.get_by_label("E-mail address").fill(mary.email)
        page.get_by_label("Password", exact=True).fill("not my password")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("do not fit together")
        expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    # The right password, and the same sentence: whoever guesses learns nothing.
    expect(page.get_by_role("alert")).to_contain_text("the account cannot be used at this moment")
    staff_page.check()

    staff_page(admin).open(PEOPLE)
    expect(page.get_by_role("link", name=re.compile("People 1 locked accounts"))).to_be_visible()
    page.get_by_role("link", name="Show who").click()
    page.wait_for_url("**/?access=locked")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_text("after 10 failures in a row")).to_be_visible()
    page.get_by_role("link", name="See the attempts").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(log_in.FAILURES_TO_LOCK + 1)
    page.go_back()
    page.keyboard.press("u")

    expect(page.get_by_role("status")).to_contain_text("Mary Somerville is unlocked")
    expect(page.get_by_text("locked accounts")).to_have_count(0)
    staff_page.check()
    assert log_in.check(mary.email, PASSWORD, address="").pk == mary.pk


# --- What an admin does ---------------------------------------------------------------------------


@pytest.mark.heavy
def test_a_role_is_changed_with_keys_alone(staff_page: StaffPage, admin: User) -> None:
    ada = with_password("viewer", full_name="Ada Lovelace")
    make_session(ada)
    page = staff_page(admin).open(page_of(ada))

    page.keyboard.press("r")
    page.wait_for_url(f"**{door_of(ada, 'role')}")
    expect(page.get_by_text("1 live session of theirs ends at once.")).to_be_visible()
    press_tab_until(page, "viewer Looks at images, results and jobs; changes nothing.")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("analyst")).to_be_checked()
    press_tab_until(page, "Change the role")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_contain_text("was viewer and is analyst now")
    expect(page.get_by_text("Logged in nowhere.")).to_be_visible()
    staff_page.check()


def test_a_person_is_added_without_a_password_that_is_not_asked_for(
    staff_page: StaffPage, admin: User
) -> None:
    page = staff_page(admin).open(PEOPLE)

    page.keyboard.press("a")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("Nobody was added.")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    staff_page.check()
    page.keyboard.type("new@example.org")
    page.get_by_label("No", exact=True).check()
    expect(page.get_by_label("Password", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Add").click()

    expect(page.get_by_role("status")).to_contain_text("is here now, as viewer.")
    expect(page.get_by_text("No password: they cannot log in")).to_be_visible()
    staff_page.check()


@pytest.mark.heavy
def test_sessions_are_chosen_and_ended(staff_page: StaffPage, admin: User) -> None:
    ada = with_password("viewer", full_name="Ada Lovelace")
    make_session(ada)
    make_session(ada, device_name="curl")
    page = staff_page(admin).open(f"{SESSIONS}?person={ada.pk}")

    for box in page.locator(".action-select").all():
        box.check()
    expect(page.get_by_text("2 of 2 selected")).to_be_visible()
    page.get_by_role("button", name="End sessions").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("End 2 sessions")
    staff_page.check()
    page.get_by_role("link", name="Leave as is").click()
    assert Session.objects.filter(user=ada, ended_at=None).count() == 2
    page.go_back()
    page.get_by_role("button", name="End 2 sessions").click()

    expect(page.get_by_role("status")).to_contain_text("2 sessions were ended.")
    staff_page.check()
    assert not Session.objects.filter(user=ada, ended_at=None).exists()


# --- One's own ------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_a_key_is_made_and_shown_once(staff_page: StaffPage) -> None:
    ada = with_password("analyst", full_name="Ada Lovelace")
    staff_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = staff_page(ada).open(ACCOUNT)

    page.get_by_role("link", name="Make a key").click()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed.")
    expect(page.get_by_label("Name")).to_be_focused()
    staff_page.check()
    page.keyboard.type("Nightly report")
    page.get_by_label("read:images").check()
    page.get_by_role("button", name="Make the key").click()
    secret = page.locator("#secret").inner_text()
    assert staff_page.screenshot("new-key", width=800).stat().st_size > 5000
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_visible()
    page.keyboard.press("c")
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    staff_page.check()

    key = ApiKey.objects.get()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert api_keys.find(secret, address="203.0.113.7").pk == key.pk
    page.reload()  # sends the form again
    expect(page.get_by_text("This key was made already, and is shown only once.")).to_be_visible()
    assert secret not in page.content()
    assert ApiKey.objects.count() == 1
    page.get_by_role("link", name="Withdraw").click()
    page.get_by_role("button", name="Withdraw for good").click()

    expect(page.get_by_text("it opens nothing, and stays so.")).to_be_visible()
    staff_page.check()


def test_one_ends_ones_own_sessions(staff_page: StaffPage) -> None:
    ada = with_password("viewer", full_name="Ada Lovelace")
    for device in ("Telescope", "Microscope", "Scanner"):
        make_session(ada, device_name=device)
    page = staff_page(ada).open(ACCOUNT)

    page.get_by_role("button", name="End Telescope").click()
    expect(page.get_by_role("status")).to_contain_text("Telescope is logged out.")
    page.get_by_role("link", name="End all others").click()
    expect(page.get_by_role("listitem").filter(has_text="Microscope")).to_be_visible()
    staff_page.check()
    page.get_by_role("button", name="End them").click()

    expect(page.get_by_role("status")).to_contain_text("2 sessions were ended.")
    staff_page.check()
    assert title(page) == "Your account"


def test_ones_own_page_is_walked_through_with_tabs(staff_page: StaffPage) -> None:
    ada = with_password("viewer", full_name="Ada Lovelace")
    make_session(ada, device_name="Telescope")
    page = staff_page(ada).open(ACCOUNT)

    for name in ("End all others", "End Telescope", "Make a key", "Change (Name)"):
        press_tab_until(page, name)
    for name in ("Change (Password)", "Set up (One-time codes)"):
        press_tab_until(page, name)

    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("One-time codes")
