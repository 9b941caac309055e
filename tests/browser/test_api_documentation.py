"""The API's documentation in a browser: from here alone, at home in the site, and working."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.harness import StaffPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.heavy
def test_the_documentation_is_read_and_tried(staff_page: StaffPage) -> None:
    page = staff_page("viewer").open("/api/docs/")

    operation = page.locator("[id='operations-about-index']")
    expect(operation).to_be_visible()
    expect(page.get_by_role("link", name="Lacuna").first).to_be_visible()
    operation.get_by_role("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text(
        "200"
    )
    staff_page.check()


@pytest.mark.heavy
def test_the_documentation_can_be_read_in_both_schemes(staff_page: StaffPage) -> None:
    page = staff_page("viewer").open("/api/docs/")

    expect(page.locator("[id='operations-about-index']")).to_be_visible()
    page.locator("[id='operations-about-index']").get_by_role("button").first.click()
    staff_page.screenshot("api")
    staff_page.check()


def test_what_a_problem_means_can_be_opened(staff_page: StaffPage) -> None:
    page = staff_page("viewer").open("/api/problems/precondition-failed")

    expect(page.get_by_role("heading", level=1)).to_have_text("It was changed meanwhile")
