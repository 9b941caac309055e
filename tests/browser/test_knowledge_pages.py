"""What reviews taught, in a real browser: empty, full, and calibrated by a button."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotations.models import BatchJob
from tests.annotations.knowledge.deciding import simulated
from tests.browser.harness import StaffPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGES = (
    "/annotations/knowledge/",
    "/annotations/knowledge/providers/",
    "/annotations/knowledge/reviewers/",
)


@pytest.mark.heavy
def test_the_pages_of_nothing_are_sound(staff_page: StaffPage) -> None:
    staff_page("admin")
    for address in PAGES:
        expect(staff_page.open(address).locator("h1")).to_be_visible()


def test_the_pages_are_sound_and_a_model_is_chosen_by_key(staff_page: StaffPage) -> None:
    simulated(120)
    simulated(60, seed=2, vision_provider="openai")
    staff_page("moderator")
    for address in PAGES[1:]:
        expect(staff_page.open(address).locator("h1")).to_be_visible()

    page = staff_page.open(PAGES[0])
    page.get_by_role("link", name="openai:test-1 (60)").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="openai:test-1 (60)")).to_have_attribute(
        "aria-current", "true"
    )
    expect(page.locator("svg.reliability")).to_be_visible()
    staff_page.check()

    page.get_by_role("button", name="Calibrate now").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Calibrating is queued")
    staff_page.check()
    assert BatchJob.objects.get().job_type == "recalibrate"
