"""Files of numbers in a real browser: handed in, tried, confirmed, joined, removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from playwright.sync_api import expect

from ingestion.models import FileUpload
from tests.browser.harness import StaffPage

pytestmark = pytest.mark.browser
GERMAN = "segID;Prüfer;f_0;f_1\n1;Müller;1,5;2\n2;Jäger;2,5;n/a\n3;Groß;3,5;4\n"


@pytest.fixture
def stored(transactional_db: None) -> Iterator[None]:
    """Removes the files of the test: the server stores them beside those of others."""
    yield
    for path in FileUpload.objects.exclude(file_path=None).values_list("file_path", flat=True):
        default_storage.delete(path or "")


def test_a_file_is_handed_in_read_as_it_should_be_joined_and_removed(
    stored: None, staff_page: StaffPage, tmp_path: Path
) -> None:
    german, plain = tmp_path / "press 3.csv", tmp_path / "press 4.csv"
    german.write_bytes(GERMAN.encode("cp1252"))
    plain.write_text(GERMAN.replace("n/a", "3"), encoding="utf-8")
    page = staff_page("analyst").open("/ingestion/fileupload/add/")

    page.get_by_label("CSV files").set_input_files([german, plain])
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("Stored: 3 rows, 4 columns.")).to_be_visible()
    staff_page.check()
    staff_page.screenshot("files-uploaded")

    page.get_by_role("link", name="press 3.csv").click()
    expect(page.get_by_role("heading", name="How is it to be read?")).to_be_visible()
    staff_page.check()
    staff_page.screenshot("file-asks")
    page.get_by_label("Encoding").select_option("mac-roman")
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_text("The rows below show a trial.")).to_be_visible()
    page.get_by_label("Encoding").focus()
    page.keyboard.type("Windows 1252")
    page.get_by_role("button", name="Confirm").press("Enter")
    expect(page.get_by_text("It is read: 3 rows, 4 columns.")).to_be_visible()
    expect(page.get_by_role("cell", name="Müller")).to_be_visible()
    expect(page.get_by_role("cell", name="n/a").last).to_be_visible()
    staff_page.check()
    staff_page.screenshot("file-ready")

    page.get_by_role("link", name="Files", exact=True).first.click()
    staff_page.check()
    for box in page.locator("input.action-select").all():
        box.check()
    page.get_by_role("button", name="Join into one file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Join 2 files into one")
    staff_page.check()
    page.get_by_label("What the whole is called").fill("both presses")
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.get_by_role("heading", name="Parts")).to_be_visible()
    staff_page.check()
    staff_page.screenshot("file-joined")
    page.get_by_text("Remove this file").click()
    page.get_by_role("button", name="Remove for good").click()
    expect(page.get_by_text("Removed: both presses.")).to_be_visible()
