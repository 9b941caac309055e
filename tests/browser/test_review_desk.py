"""The review desk in a real browser: by keyboard, with the mouse, with a colleague, offline."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.storage import default_storage
from playwright.sync_api import Page, expect

from annotations.actions import bulk, deciding
from annotations.actions.claims import Filters
from annotations.actions.deciding import Verdict
from annotations.models import (
    AiAnnotationJob,
    Annotation,
    AnnotationReview,
    BatchJob,
    BatchJobError,
    Decision,
    ReviewClaim,
    SavedView,
)
from imaging.actions import uploads
from imaging.models import Image
from tests.annotations.making import make_annotation, make_collection
from tests.browser.harness import StaffPage
from tests.factories import make_user
from tests.pictures import disc, encoded

pytestmark = pytest.mark.browser

DESK = "/annotations/desk/"


@pytest.fixture
def image(transactional_db: None) -> Iterator[Image]:
    """A photograph of 640 by 480 pixels with its files."""
    data = encoded(disc(640, 480, seed=secrets.randbits(31)))
    stored = uploads.receive(io.BytesIO(data), name="disc.jpg", by=make_user("analyst")).image
    yield stored
    for path in (stored.file_path, stored.thumbnail_path, stored.preview_path):
        default_storage.delete(path)


def waiting(image: Image, count: int, **given: Any) -> list[Annotation]:
    """So many that wait, in the order in which the desk shows them."""
    return [
        make_annotation(
            image=image,
            label=f"bird {number}",
            vision_confidence=Decimal(number) / 1000,
            **given,
        )
        for number in range(count)
    ]


def shown(page: Page, annotation: Annotation) -> None:
    """Wait until this one's picture is on the desk."""
    stage = page.locator("[data-stage]")
    expect(stage).to_have_attribute("data-shown", str(annotation.pk), timeout=30_000)


def saved(page: Page, count: int) -> None:
    """Wait until so many decisions are stored."""
    for _ in range(600):
        if AnnotationReview.objects.count() >= count:
            return
        page.wait_for_timeout(50)
    assert AnnotationReview.objects.count() == count


def forgive(staff_page: StaffPage, complaint: str) -> None:
    """What the browser notes by itself where a request fails as the test wants it to."""
    staff_page._problems[:] = [one for one in staff_page._problems if complaint not in one]


@pytest.mark.timeout(600)  # each is waited for, also on a busy machine
def test_sixty_are_decided_by_keyboard_alone(image: Image, staff_page: StaffPage) -> None:
    rows = waiting(image, 61)
    page = staff_page("analyst").open(DESK)

    for number, row in enumerate(rows[:60]):
        shown(page, row)
        expect(page.locator("[data-title]")).to_have_text(row.label)
        if number % 3 == 2:
            page.keyboard.press("r")
            page.keyboard.press("2")
        else:
            page.keyboard.press("a")

    shown(page, rows[60])
    saved(page, 60)
    statuses = list(
        Annotation.objects.order_by("review_rank").values_list("review_status", flat=True)
    )
    assert statuses == ["approved", "approved", "rejected"] * 20 + ["pending"]
    reasons = Annotation.objects.filter(review_status="rejected")
    assert set(reasons.values_list("rejection_reason", flat=True)) == {"wrong_box"}
    assert not AnnotationReview.objects.filter(duration_ms=None).exists()
    staff_page.check()


def test_every_key_does_what_its_button_says(image: Image, staff_page: StaffPage) -> None:
    rows = waiting(image, 4)
    page = staff_page("analyst").open(DESK)
    shown(page, rows[0])
    status = page.locator("[data-announce]")
    expect(status).to_contain_text("Next: bird 0, confidence 0")

    page.keyboard.press("ArrowRight")
    shown(page, rows[1])
    page.keyboard.press("ArrowLeft")
    shown(page, rows[0])
    page.keyboard.press("h")
    expect(page.locator(".desk-box")).to_have_count(0)
    page.keyboard.press("h")
    expect(page.locator(".desk-box")).to_have_count(1)
    page.keyboard.press("z")
    expect(page.locator("[data-stage]")).to_have_attribute("data-view", "close")
    page.keyboard.press("z")
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="1 Nothing there")).to_be_focused()
    staff_page.check()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="R Reject…")).to_be_focused()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys of this page")
    expect(dialog).to_contain_text("Take back the last decision")
    expect(dialog).to_contain_text("Write a comment to the next decision")
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    shown(page, rows[0])
    assert not AnnotationReview.objects.exists()


def test_a_label_is_changed_with_the_decision_and_typing_presses_no_key(
    image: Image, staff_page: StaffPage
) -> None:
    make_collection(image, labels=["Barn owl", "Jay", "Robin"])
    [row] = waiting(image, 1)
    page = staff_page("analyst").open(DESK)
    shown(page, row)

    page.keyboard.press("e")
    field = page.get_by_role("combobox", name="Label")
    expect(field).to_be_focused()
    expect(page.locator("#desk-labels [role=option]")).to_have_count(3)
    page.keyboard.type("ja")
    expect(page.locator("#desk-labels [role=option]")).to_have_count(1)
    staff_page.check()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("[data-title]")).to_have_text("Jay")
    expect(page.locator("[data-edited]")).to_contain_text("label was bird 0")
    assert not AnnotationReview.objects.exists()
    page.keyboard.press("a")

    saved(page, 1)
    row.refresh_from_db()
    assert (row.label, row.review_status) == ("Jay", "approved")
    expect(page.locator("[data-empty-text]")).to_contain_text("Nothing waits")
    staff_page.check()


def test_a_comment_goes_with_the_decision_and_comes_back_with_undo(
    image: Image, staff_page: StaffPage
) -> None:
    rows = waiting(image, 2)
    page = staff_page("analyst").open(DESK)
    shown(page, rows[0])
    field = page.get_by_role("textbox", name="Comment")
    kept = page.locator("[data-commented]")

    page.keyboard.press("c")
    expect(field).to_be_focused()
    page.keyboard.type("a raven, <b>u</b>")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="C Comment")).to_be_focused()
    expect(kept).to_be_hidden()
    page.keyboard.press("c")
    expect(field).to_have_value("")
    field.fill("x" * 2001)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="at most 2,000")).to_be_visible()
    expect(field).to_be_focused()
    staff_page.check()
    field.fill("a raven,")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("<b>by its tail</b> ")
    page.keyboard.press("Enter")
    expect(kept).to_have_text("Your comment: a raven,\n<b>by its tail</b>")
    expect(page.locator("[data-announce]")).to_contain_text("goes with your next decision")
    staff_page.check()
    page.keyboard.press("a")
    shown(page, rows[1])
    expect(kept).to_be_hidden()
    saved(page, 1)
    assert AnnotationReview.objects.get().comment == "a raven,\n<b>by its tail</b>"

    page.keyboard.press("u")

    shown(page, rows[0])
    expect(kept).to_contain_text("by its tail")
    expect(page.locator("[data-announce]")).to_contain_text("Your comment is here again.")
    page.keyboard.press("c")
    field.fill("")
    page.keyboard.press("Enter")
    expect(kept).to_be_hidden()
    page.keyboard.press("a")
    saved(page, 3)
    last = AnnotationReview.objects.order_by("-created_at", "-id")[0]
    assert (last.decision, last.comment) == ("approved", "")
    page.goto(f"/annotations/annotation/{rows[0].pk}/change/")
    told = page.get_by_role("region", name="Versions")
    expect(told.get_by_text("a raven,")).to_have_count(1)
    staff_page.check()


def test_a_box_is_changed_by_keyboard(image: Image, staff_page: StaffPage) -> None:
    [row] = waiting(image, 1)
    page = staff_page("analyst").open(DESK)
    shown(page, row)

    page.keyboard.press("b")
    expect(page.locator("[data-stage]")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator("[data-edited]")).to_be_hidden()
    page.keyboard.press("b")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    for _ in range(2):
        page.keyboard.press("Shift+ArrowDown")
    staff_page.check()
    expect(page.locator("[data-announce]")).to_contain_text("left 12 %, top 19.5 %")
    page.keyboard.press("Enter")
    expect(page.locator("[data-edited]")).to_contain_text("box changed")
    page.keyboard.press("a")

    saved(page, 1)
    row.refresh_from_db()
    box = row.bounding_box
    assert box["topLeft"] == {"x": 0.12, "y": 0.195}
    assert box["bottomRight"] == {"x": 0.52, "y": 0.605}


def test_a_box_is_changed_with_the_mouse(image: Image, staff_page: StaffPage) -> None:
    [row] = waiting(image, 1)
    page = staff_page("analyst").open(DESK)
    shown(page, row)
    corner = page.locator('[data-handle="se"]').bounding_box()
    picture = page.locator(".desk-picture").bounding_box()
    assert corner is not None
    assert picture is not None
    x, y = corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2

    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + picture["width"] * 0.1, y + picture["height"] * 0.2, steps=4)
    page.mouse.up()
    expect(page.locator("[data-edited]")).to_contain_text("box changed")
    page.keyboard.press("a")

    saved(page, 1)
    row.refresh_from_db()
    last = row.bounding_box["bottomRight"]
    assert abs(last["x"] - 0.6) < 0.005
    assert abs(last["y"] - 0.8) < 0.005
    assert row.bounding_box["topLeft"] == {"x": 0.1, "y": 0.2}
    staff_page.check()


def test_a_decision_is_taken_back(image: Image, staff_page: StaffPage) -> None:
    rows = waiting(image, 3)
    page = staff_page("analyst").open(DESK)
    shown(page, rows[0])
    page.keyboard.press("a")
    shown(page, rows[1])
    saved(page, 1)

    page.keyboard.press("u")

    shown(page, rows[0])
    rows[0].refresh_from_db()
    assert (rows[0].review_status, rows[0].version) == ("pending", 3)
    page.keyboard.press("u")
    expect(page.locator("[data-announce]")).to_contain_text("no decision of yours")
    page.keyboard.press("r")
    page.keyboard.press("1")
    shown(page, rows[1])
    saved(page, 3)
    rows[0].refresh_from_db()
    assert rows[0].review_status == "rejected"


def test_a_colleague_was_faster_and_nothing_is_lost(image: Image, staff_page: StaffPage) -> None:
    rows = waiting(image, 2)
    page = staff_page("analyst").open(DESK)
    shown(page, rows[0])
    page.keyboard.press("e")
    page.keyboard.type("jay")
    page.keyboard.press("Enter")
    ReviewClaim.objects.filter(annotation=rows[0]).delete()
    colleague = make_user("moderator", full_name="Mo Colleague")
    verdict = Verdict(Decision.REJECTED, rows[0].version, reason="no_bird")
    deciding.decide(rows[0].pk, verdict, by=colleague)

    page.keyboard.press("a")

    card = page.locator("[data-tray]")
    expect(card).to_contain_text("It was rejected meanwhile, by Mo Colleague.")
    expect(card).to_contain_text("approved, label jay")
    expect(card).to_contain_text("rejected by Mo Colleague, label bird 0, nothing there")
    shown(page, rows[1])
    # The refusal is a conflict by design; the browser notes its status on the console.
    forgive(staff_page, "409")
    staff_page.check()
    page.get_by_role("button", name="Take over mine").click()
    expect(card).to_be_empty()
    saved(page, 3)
    rows[0].refresh_from_db()
    assert (rows[0].review_status, rows[0].label) == ("approved", "jay")


def test_without_a_connection_decisions_are_kept_and_sent_later(
    image: Image, staff_page: StaffPage
) -> None:
    rows = waiting(image, 3)
    page = staff_page("analyst").open(DESK)
    shown(page, rows[0])
    expect(page.locator("[data-waiting]")).to_contain_text("3 wait")
    page.wait_for_load_state("networkidle")

    staff_page.context.set_offline(True)
    page.keyboard.press("a")
    shown(page, rows[1])
    page.keyboard.press("a")
    tray = page.locator("[data-tray]")
    expect(tray).to_contain_text("There is no connection to the server.")
    assert not AnnotationReview.objects.exists()
    staff_page.context.set_offline(False)
    page.get_by_role("button", name="Try now").click()

    saved(page, 2)
    expect(tray).to_be_empty()
    forgive(staff_page, "ERR_INTERNET_DISCONNECTED")
    staff_page.check()


def test_leaving_lets_others_see_what_was_open(image: Image, staff_page: StaffPage) -> None:
    rows = waiting(image, 3)
    page = staff_page("analyst").open(DESK)
    shown(page, rows[0])
    assert ReviewClaim.objects.count() == 3

    page.goto("/")

    for _ in range(100):
        if not ReviewClaim.objects.exists():
            break
        page.wait_for_timeout(50)
    assert not ReviewClaim.objects.exists()


def test_filters_are_saved_as_a_view(image: Image, staff_page: StaffPage) -> None:
    rows = waiting(image, 2)
    page = staff_page("analyst").open(DESK)

    page.get_by_text("Filters and views").click()
    staff_page.check()
    page.get_by_label("Label").first.fill("bird 1")
    page.get_by_role("button", name="Show these").click()
    shown(page, rows[1])
    page.get_by_text("Filters and views").click()
    page.get_by_label("Name").fill("My birds")
    page.get_by_role("button", name="Save this view").click()

    expect(page.get_by_role("status").first).to_contain_text("The view “My birds” is saved")
    shown(page, rows[1])
    assert SavedView.objects.get().query == "label=bird+1"


@pytest.mark.timeout(300)  # thirteen pages, each looked at in two widths
@pytest.mark.heavy
def test_every_page_is_sound_in_both_schemes(image: Image, staff_page: StaffPage) -> None:
    home = make_collection(image, labels=["jay", "robin"], gold_percent=5)
    rows = waiting(image, 3)
    reviewer = make_user("admin")
    deciding.decide(
        rows[0].pk, Verdict(Decision.REJECTED, rows[0].version, reason="no_bird"), by=reviewer
    )
    batch = bulk.request(Filters(), Decision.APPROVED, by=reviewer)
    BatchJobError.objects.create(job=batch, image_id=image.pk, error_message="No answer.")
    job = AiAnnotationJob(image=image, user=reviewer, provider="local")
    AiAnnotationJob.objects.enqueue([job])
    staff_page("admin")

    for address in [
        DESK,
        f"{DESK}?label=nothing",
        "/annotations/annotation/",
        f"/annotations/annotation/{rows[0].pk}/change/",
        "/annotations/imagecollection/",
        "/annotations/imagecollection/add/",
        f"/annotations/imagecollection/{home.pk}/change/",
        "/annotations/aiannotationjob/",
        f"/annotations/aiannotationjob/{job.pk}/change/",
        "/annotations/batchjob/",
        f"/annotations/batchjob/{batch.pk}/change/",
        "/annotations/bulk/",
        "/annotations/annotate/",
    ]:
        page = staff_page.open(address)
        expect(page.locator("h1")).to_be_visible()
    assert staff_page.screenshot("annotate").stat().st_size > 5000
    assert BatchJob.objects.count() == 1
