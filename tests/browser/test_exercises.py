"""Exercises in a real browser: by keyboard, by mouse, in both schemes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotations.actions import exercises
from annotations.models import Exercise, ExerciseAnswer
from imaging.models import Image
from tests.annotations.making import BOX
from tests.annotations.test_exercises import BIRDS, approve
from tests.browser.harness import StaffPage
from tests.browser.test_review_desk import image as photograph
from tests.factories import make_user

__all__ = ["photograph"]

pytestmark = pytest.mark.browser

START = "/annotations/exercises/"


@pytest.fixture
def approved(photograph: Image) -> None:
    """Five birds in one photograph, approved."""
    for label in BIRDS:
        approve(label, image=photograph)


def started(staff_page: StaffPage, kind: str) -> tuple[Page, Exercise]:
    """The first question of an exercise of the kind."""
    reviewer = make_user("analyst")
    made = exercises.start(kind, "easy", by=reviewer)
    page = staff_page(reviewer).open(f"{START}{made.pk}/")
    return page, made


def test_an_exercise_is_played_by_keyboard_alone(approved: None, staff_page: StaffPage) -> None:
    page, made = started(staff_page, "identify")
    for number, question in enumerate(exercises.questions(made), start=1):
        expect(page.get_by_text(f"Question {number} of 5.")).to_be_visible()
        page.keyboard.press(str(question["right"] + 1))
        expect(page.locator(".notice[role=status]")).to_contain_text("Right: it is")
        if number == 1:
            staff_page.check()
        expect(
            page.get_by_role("link", name="Next question" if number < 5 else "How it went")
        ).to_be_focused()
        page.keyboard.press("n" if number % 2 else "Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("How it went")
    expect(page.get_by_text("5 of 5")).to_be_visible()
    staff_page.check()
    assert ExerciseAnswer.objects.filter(is_right=True, duration_ms__gte=0).count() == 5


def test_a_bird_is_found_with_the_mouse(approved: None, staff_page: StaffPage) -> None:
    page, _ = started(staff_page, "find")
    stage = page.locator("[data-stage]")
    expect(stage).to_be_focused()  # its script is there
    frame = stage.bounding_box()
    assert frame is not None

    def at(x: float, y: float) -> tuple[float, float]:
        return frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]

    page.mouse.move(*at(BOX.left, BOX.top))
    page.mouse.down()
    page.mouse.move(*at(BOX.right - 0.1, BOX.bottom), steps=4)
    page.mouse.move(*at(BOX.right, BOX.bottom))
    page.mouse.up()
    staff_page.screenshot("drawn", width=800)
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(".notice[role=status]")).to_have_text("Right: there it is.")

    page.keyboard.press("n")
    expect(page.get_by_text("Question 2 of 5.")).to_be_visible()
    expect(stage).to_be_focused()
    page.mouse.click(*at(0.9, 0.9))
    expect(page.locator(".notice[role=status]")).to_contain_text("Not right")
    staff_page.check()


def test_a_bird_is_found_by_keyboard(approved: None, staff_page: StaffPage) -> None:
    page, _ = started(staff_page, "find")
    stage = page.locator("[data-stage]")
    expect(stage).to_be_focused()

    page.keyboard.press("ArrowLeft")  # the first brings the box, from 35 to 65 per cent
    for key, times in (("ArrowLeft", 20), ("ArrowUp", 15)):
        for _ in range(times):
            page.keyboard.press(key)
    for _ in range(10):
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("[data-announce]")).to_have_text("Box from 15, 20 to 55, 60 per cent")
    expect(page.get_by_label("Left")).to_have_value("15")
    page.keyboard.press("Enter")

    expect(page.locator(".notice[role=status]")).to_have_text("Right: there it is.")


@pytest.mark.heavy
def test_the_pages_are_sound_in_both_schemes(approved: None, staff_page: StaffPage) -> None:
    staff_page("moderator")
    page = staff_page.open(START)
    staff_page.screenshot("exercises")
    page.get_by_label("Is it this?").check()
    page.get_by_role("button", name="Start").click()

    for number in range(1, 6):
        expect(page.get_by_text(f"Question {number} of 5.")).to_be_visible()
        staff_page.check()
        if number == 1:
            staff_page.screenshot("question")
        page.keyboard.press("1")
        page.get_by_role("link", name="Next question" if number < 5 else "How it went").click()
    staff_page.check()
    staff_page.screenshot("summary", width=800)
    staff_page.open(START)
    expect(page.get_by_role("heading", name="How you have done")).to_be_visible()
    assert staff_page.screenshot("done").stat().st_size > 5000


def test_without_approved_annotations_it_says_what_is_lacking(staff_page: StaffPage) -> None:
    page = staff_page("analyst").open(START)

    expect(page.get_by_text("There are 0 so far.")).to_be_visible()
    expect(page.get_by_role("link", name="Go to the review desk")).to_be_visible()
