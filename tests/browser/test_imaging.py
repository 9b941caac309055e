"""Images in a real browser: handed in, analysed by a real worker, looked at."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from playwright.sync_api import Browser, Page, expect

from imaging.actions import images as image_actions
from imaging.actions import uploads
from imaging.models import AnalysisResultHistory, Image, ProcessingJob
from tests.browser.harness import StaffPage
from tests.factories import make_job, make_result, make_user
from tests.imaging.admin.conftest import run_job
from tests.jobs.workers import WorkerProcess
from tests.pictures import disc, encoded

pytestmark = pytest.mark.browser


@pytest.fixture
def stored(transactional_db: None) -> Iterator[None]:
    """Removes the files of the test's images: server and worker share one storage."""
    yield
    for image in Image.objects.all():
        folder = f"derived/{str(image.pk)[-2:]}/{image.pk}"
        for path in (image.file_path, f"{folder}/thumbnail.webp", f"{folder}/preview.webp"):
            default_storage.delete(path)


def photograph(**options: int) -> bytes:
    """A picture that no other test hands in."""
    return encoded(disc(seed=secrets.randbits(31), **options))


def handed_in(name: str = "disc.jpg", *, analysed: bool = True) -> Image:
    """An image that an analyst handed in, with its result."""
    upload = uploads.receive(io.BytesIO(photograph()), name=name, by=make_user("analyst"))
    if analysed:
        assert upload.job is not None
        run_job(upload.job)
    return Image.objects.get(pk=upload.image.pk)


def layer(page: Page, name: str) -> bool:
    """Whether the layer is drawn."""
    return page.locator(f'[data-layer="{name}"]').is_visible()


def test_a_photograph_is_handed_in_analysed_and_looked_at(
    stored: None, staff_page: StaffPage, tmp_path: Path
) -> None:
    file = tmp_path / "harbour at dawn.jpg"
    file.write_bytes(photograph(width=640, height=480))
    page = staff_page("analyst").open("/imaging/image/add/")

    page.get_by_label("Choose pictures").set_input_files(file)
    expect(page.get_by_text("Stored", exact=True)).to_be_visible()
    page.get_by_role("link", name="harbour at dawn.jpg").click()
    expect(page.get_by_role("heading", name="The analysis waits")).to_be_visible()
    staff_page.check()
    worker = WorkerProcess(tmp_path / "worker.log", "--drain")
    try:
        again = page.get_by_role("button", name="Run analysis again")
        expect(again).to_be_visible(timeout=60_000)
    finally:
        worker.stop()
    expect(page.get_by_text("Negative space", exact=True)).to_be_visible()
    assert all(layer(page, name) for name in ("ground", "outline", "shapes"))
    staff_page.check()
    assert staff_page.screenshot("image").stat().st_size > 10_000


def test_layers_are_switched_by_key_and_button_and_stay_so(
    stored: None, staff_page: StaffPage
) -> None:
    older, newer = handed_in("older.jpg"), handed_in("newer.jpg")
    page = staff_page("viewer").open(f"/imaging/image/{newer.pk}/change/")
    ground = page.get_by_role("button", name="Ground")

    expect(ground).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("1")
    expect(ground).to_have_attribute("aria-pressed", "false")
    assert not layer(page, "ground")
    page.get_by_role("button", name="Circle and rectangle").click()
    assert not layer(page, "shapes")
    assert layer(page, "outline")

    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text("older.jpg")
    expect(page).to_have_url(f"{staff_page.address}/imaging/image/{older.pk}/change/")
    assert (layer(page, "ground"), layer(page, "outline")) == (False, True)
    page.keyboard.press("0")
    assert not layer(page, "outline")
    expect(page.get_by_role("button", name="Original alone")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("0")
    assert layer(page, "outline")
    staff_page.check()


def test_a_bad_file_does_not_hold_up_the_good_ones(
    stored: None, staff_page: StaffPage, tmp_path: Path
) -> None:
    files = {
        "one.jpg": photograph(),
        "bad.jpg": b"this is no picture at all",
        "empty.jpg": b"",
        "two.jpg": photograph(),
    }
    paths = []
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        paths.append(tmp_path / name)
    (tmp_path / "again.jpg").write_bytes(files["one.jpg"])
    page = staff_page("analyst").open("/imaging/image/add/")

    page.get_by_label("Choose pictures").set_input_files(paths)
    expect(page.get_by_role("status")).to_have_text("4 of 4 · 2 stored · 2 refused")
    page.get_by_label("Choose pictures").set_input_files(tmp_path / "again.jpg")
    expect(page.get_by_text("Was there already")).to_be_visible()

    expect(page.get_by_text("is not a picture of a kind we take")).to_be_visible()
    assert Image.objects.count() == 2
    staff_page.check()


def test_everything_works_without_scripts(
    stored: None, staff_page: StaffPage, browser: Browser, tmp_path: Path
) -> None:
    image = handed_in()
    good, bad = tmp_path / "plain.jpg", tmp_path / "bad.jpg"
    good.write_bytes(photograph())
    bad.write_bytes(b"no picture")
    staff_page("analyst")
    plain = browser.new_context(
        base_url=staff_page.address,
        java_script_enabled=False,
        storage_state=staff_page.context.storage_state(),
    )
    page = plain.new_page()

    page.goto(f"/imaging/image/{image.pk}/change/")
    assert all(layer(page, name) for name in ("ground", "outline", "shapes"))
    assert not page.get_by_role("button", name="Original alone").is_visible()
    page.goto("/imaging/image/add/")
    page.get_by_label("Choose pictures").set_input_files([good, bad])
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Refused", exact=True)).to_be_visible()
    page.get_by_role("link", name="plain.jpg").click()
    expect(page.get_by_role("heading", name="The analysis waits")).to_be_visible()
    expect(page.get_by_role("link", name="Reload")).to_be_visible()
    page.goto("/imaging/processingjob/")
    page.get_by_role("button", name="Cancel the analysis of plain.jpg").click()
    expect(page.get_by_text("The analysis of plain.jpg is cancelled.")).to_be_visible()
    plain.close()


@pytest.mark.heavy
def test_the_pages_are_sound_in_both_schemes(stored: None, staff_page: StaffPage) -> None:
    image = handed_in("<script>alert(1)</script>.jpg")
    result = image.analysis_result
    result.anomalies = [
        {"code": "no_figure", "severity": "critical", "value": 0.0, "limit": 0.0},
        {"code": "clipped", "severity": "info", "value": 0.2, "limit": 0.05},
    ]
    result.save()
    handed_in("copy of it.jpg")
    Image.objects.exclude(pk=image.pk).update(is_duplicate=True, duplicate_of=image)
    waiting = handed_in("a" * 400 + ".jpg", analysed=False)
    archived = image_actions.archive(handed_in().pk, by=make_user("moderator"))
    failed = make_job(image=image, status="failed", error_message="It broke, alas. " * 30)
    running = make_job(image=image, status="processing", progress_done=1, progress_total=3)
    make_result(image=waiting, negative_space_data={})
    history = AnalysisResultHistory.objects.filter(image=image)[0]
    staff_page("admin")

    for address in [
        "/",
        "/imaging/image/",
        "/imaging/image/?status=failed&duplicates=yes&anomalies=any&since=week&by=me",
        "/imaging/image/add/",
        *(f"/imaging/image/{one.pk}/change/" for one in (image, waiting, archived)),
        "/imaging/processingjob/",
        *(f"/imaging/processingjob/{one.pk}/change/" for one in (failed, running)),
        "/imaging/analysisresult/",
        "/imaging/analysisresulthistory/",
        f"/imaging/analysisresulthistory/{history.pk}/change/",
        "/imaging/analysiscacheentry/",
    ]:
        staff_page.open(address)
    assert ProcessingJob.objects.filter(image=waiting).exists()


def test_the_menus_of_the_image_page_open_and_run(stored: None, staff_page: StaffPage) -> None:
    image = handed_in()
    page = staff_page("admin").open(f"/imaging/image/{image.pk}/change/")

    page.get_by_label("Options of the analysis").click()
    staff_page.check()
    page.get_by_label("Brightness alone (luma)").check()
    page.get_by_role("button", name="Run with these options").click()

    expect(page.get_by_text("The analysis is queued")).to_be_visible()
    assert ProcessingJob.objects.get(status="queued").parameters == {"method": "luma"}
    page.get_by_text("Archive", exact=True).click()
    page.get_by_role("button", name="Archive this image").click()
    expect(page.get_by_text("is archived.")).to_be_visible()


def test_people_are_suggested_while_a_name_is_typed(stored: None, staff_page: StaffPage) -> None:
    upload = uploads.receive(
        io.BytesIO(photograph()), name="a.jpg", by=make_user("analyst", full_name="Zora Neale")
    )
    handed_in("other.jpg", analysed=False)
    page = staff_page("viewer").open("/imaging/image/")

    page.get_by_label("Uploaded by, name or e-mail").press_sequentially("zora")
    expect(page.locator("#uploaders option")).to_have_attribute("value", upload.image.user.email)
    page.keyboard.press("Enter")

    expect(page.get_by_role("link", name="a.jpg")).to_be_visible()
    expect(page.get_by_role("link", name="other.jpg")).to_have_count(0)
