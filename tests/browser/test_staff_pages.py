"""The frame, lists and forms of the staff pages in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from database.models import MigrationRun, SystemSetting
from tests.browser.harness import StaffPage
from tests.factories import make_user

pytestmark = pytest.mark.browser

PAGES = [
    "/",
    "/accounts/user/",
    "/accounts/user/?role__exact=viewer&q=viewer",
    "/accounts/user/?q=nobody",
    "/accounts/user/add/",
    "/database/systemsetting/",
    "/database/systemsetting/max_file_size/change/",
    "/database/systemsetting/allowed_file_types/change/",
    "/database/migrationrun/",
    "/search/?q=viewer",
    "/search/?q=nothing",
    "/password_change/",
]


@pytest.mark.heavy
def test_the_pages_are_sound_in_both_schemes(staff_page: StaffPage) -> None:
    people = [make_user("viewer") for _ in range(55)]
    staff_page("admin")

    for address in [*PAGES, f"/accounts/user/{people[0].pk}/change/"]:
        staff_page.open(address)


def test_a_page_to_look_at_is_sound(staff_page: StaffPage) -> None:
    run = MigrationRun.objects.order_by("-id")[0]

    page = staff_page("admin").open(f"/database/migrationrun/{run.pk}/change/")

    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.get_by_role("link", name="Back to the list")).to_be_visible()


def test_the_door_is_sound_in_both_schemes(staff_page: StaffPage) -> None:
    page = staff_page.open("/login/")

    page.get_by_label("E-mail address").fill("nobody@example.org")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("alert")).to_contain_text("do not fit together")
    staff_page.check()


def test_a_person_logs_in_and_out(staff_page: StaffPage) -> None:
    person = make_user("viewer", full_name="Vera")
    person.set_password("a long enough phrase 42")
    person.save()
    page = staff_page.open("/")

    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill("a long enough phrase 42")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.locator(".account summary").click()
    page.get_by_role("button", name="Log out").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("You are logged out")
    staff_page.check()


def test_the_keys_of_a_page_are_shown_and_closed(staff_page: StaffPage) -> None:
    page = staff_page("admin").open("/accounts/user/")

    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys of this page")
    expect(dialog).to_contain_text("Search everything")
    expect(dialog).to_contain_text("Add person")
    staff_page.check()
    page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)


def test_a_row_is_opened_by_keys_alone(staff_page: StaffPage) -> None:
    for number in range(3):
        make_user("viewer", full_name=f"Person {number}")
    page = staff_page("admin").open("/accounts/user/")
    names = page.locator("#result_list tbody th a")

    page.keyboard.press("j")
    expect(names.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(names.nth(1)).to_be_focused()
    wanted = names.nth(1).inner_text()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(wanted)


def test_searches_are_reached_by_key_and_left_by_escape(staff_page: StaffPage) -> None:
    page = staff_page("admin").open("/accounts/user/")

    page.keyboard.press("/")
    expect(page.get_by_label("Find an image, job or person")).to_be_focused()
    page.keyboard.type("j?n")
    expect(page.get_by_label("Find an image, job or person")).to_have_value("j?n")
    page.keyboard.press("Escape")
    page.keyboard.press("s")

    expect(page.get_by_label("Search this list")).to_be_focused()


def test_pages_are_turned_by_key(staff_page: StaffPage) -> None:
    for _ in range(60):
        make_user("viewer")
    page = staff_page("admin").open("/accounts/user/")
    first = page.locator("#result_list tbody th").first.inner_text()

    page.keyboard.press("n")
    expect(page.get_by_role("link", name="Previous")).to_be_visible()
    staff_page.check()
    page.keyboard.press("p")

    expect(page.locator("#result_list tbody th").first).to_have_text(first)


def test_a_setting_is_changed_and_reset(staff_page: StaffPage) -> None:
    page = staff_page("admin").open("/database/systemsetting/")

    row = page.get_by_role("region", name="Settings").get_by_role(
        "link", name="Max concurrent jobs"
    )
    row.click()
    page.get_by_label("Value").fill("7")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Changed", exact=True).last).to_be_visible()
    staff_page.check()
    row.click()
    page.get_by_role("button", name="Use the default again").click()

    expect(page.get_by_role("status")).to_contain_text("The default of max_concurrent_jobs")
    assert not SystemSetting.objects.exists()


def test_the_theme_is_kept(staff_page: StaffPage) -> None:
    page = staff_page("viewer").open("/")

    page.locator(".account summary").click()
    page.get_by_role("button", name="Toggle theme").click()
    chosen = page.locator("html").get_attribute("data-theme")
    page.reload()

    assert chosen in {"light", "dark"}
    expect(page.locator("html")).to_have_attribute("data-theme", chosen)
    staff_page.check()


@pytest.mark.parametrize("role", ["viewer", "analyst", "moderator"])
def test_the_overview_is_sound_for_every_role(staff_page: StaffPage, role: str) -> None:
    page = staff_page(role).open("/")

    expect(page.get_by_role("link", name="People")).to_have_count(0)
    assert staff_page.screenshot("overview").stat().st_size > 5000


def test_the_pages_work_without_scripts(staff_page: StaffPage) -> None:
    person = make_user("admin")
    staff_page(person)
    cookies = staff_page.context.cookies()
    browser = staff_page.context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False, base_url=staff_page.address)
    plain.add_cookies(cookies)  # type: ignore[arg-type] # what one context gives, another takes
    page = plain.new_page()

    page.goto("/accounts/user/")
    page.get_by_role("link", name="Viewer", exact=True).click()
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    page.get_by_role("link", name="remove this filter").click()
    page.get_by_role("link", name=str(person)).click()
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_role("status")).to_contain_text("changed successfully")
    plain.close()
