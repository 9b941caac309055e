"""The audit log's pages in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from audit import keyring
from audit.models import Entry
from audit.sealing.sealer import Sealer, connect
from tests.audit.admin.conftest import CHAIN, ERASE, EVIDENCE, LIST, page_of, seal_all, write
from tests.browser.harness import StaffPage
from tests.factories import make_user

pytestmark = pytest.mark.browser

LONG = "A sentence that goes on. " * 40


@pytest.fixture
def sealer(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Sealer]:
    """A sealer with keys that the site may read."""
    settings.AUDIT_KEYRING = tmp_path / "keys" / "keyring.json"
    with connect() as own:
        yield Sealer(own, keyring.create("tests.example/audit"))


def busy(sealer: Sealer) -> Entry:
    """Entries of every kind, all but the last sealed; the one that has everything."""
    ada = make_user("analyst", full_name="Ada Lovelace")
    for outcome in ("success", "failure", "partial"):
        write(outcome=outcome, error="" if outcome == "success" else LONG)
    write("setting.updated", subject=("setting", "x" * 200), by=ada)
    entry = write(
        by=ada,
        before={"gone": True, "kept": 1, "meta": {"width": 1, "iso": 100}, "notes": "x"},
        after={"kept": 1, "meta": {"width": 1, "iso": 200}, "notes": LONG, "tags": ["w" * 300]},
        details={"reason": LONG, "numbers": list(range(300)), "one_word": "y" * 500},
        personal={"email": "z" * 200},
    )
    seal_all(sealer)
    sealer.beat("The keyring cannot be read: " + "k" * 200)
    write()
    return entry


def addresses(entry: Entry) -> list[str]:
    return [
        LIST,
        f"{LIST}?who=Ada&outcome=success&from=2020-01-01&to=2999-01-01T10:00",
        f"{LIST}?action=image.deleted&source=job",
        page_of(entry),
        CHAIN,
        f"{EVIDENCE}?entry={entry.pk}",
        f"{EVIDENCE}?resource=volcano",
        f"{ERASE}?entry={entry.pk}",
    ]


@pytest.mark.heavy
def test_the_pages_of_a_log_without_a_sealer_are_sound(staff_page: StaffPage) -> None:
    entry = write()
    staff_page("admin")

    for address in [*addresses(entry), "/"]:
        staff_page.open(address)


@pytest.mark.heavy
def test_the_pages_of_a_busy_log_are_sound(staff_page: StaffPage, sealer: Sealer) -> None:
    entry = busy(sealer)
    fresh = Entry.objects.order_by("-id")[0]
    staff_page("admin")

    for address in [*addresses(entry), page_of(fresh), "/"]:
        staff_page.open(address)
    assert staff_page.screenshot("audit").stat().st_size > 10_000


def test_entries_are_found_and_opened_by_keyboard_alone(
    staff_page: StaffPage, sealer: Sealer
) -> None:
    entry = busy(sealer)
    page = staff_page("moderator").open(LIST)

    page.get_by_label("Who", exact=True).focus()
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Who: Ada Lovelace")).to_be_visible()
    assert page.url.endswith(f"{LIST}?who=ada")
    page.keyboard.press("j")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(entry.action)
    expect(page.get_by_text("Verified")).to_be_visible()
    staff_page.check()


def test_a_filter_is_taken_away_again(staff_page: StaffPage, sealer: Sealer) -> None:
    busy(sealer)
    page = staff_page("moderator").open(f"{LIST}?outcome=failure&source=admin")

    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Outcome: Failure").click()

    assert page.url.endswith(f"{LIST}?source=admin")
    expect(page.locator("select[name=source]")).to_have_value("admin")


def test_evidence_is_downloaded_by_keyboard(staff_page: StaffPage, sealer: Sealer) -> None:
    entry = busy(sealer)
    page = staff_page("moderator").open(page_of(entry))

    page.keyboard.press("e")
    expect(page.get_by_role("heading", level=1)).to_have_text("Evidence of 1 entry")
    page.get_by_role("button", name="Download").focus()
    with page.expect_download() as found:
        page.keyboard.press("Enter")

    assert found.value.suggested_filename.endswith(".jsonl")
    content = found.value.path().read_text(encoding="utf-8")
    assert str(entry.pk) in content


def test_chosen_entries_are_erased_after_a_reason(staff_page: StaffPage, sealer: Sealer) -> None:
    busy(sealer)
    page = staff_page("admin").open(f"{LIST}?resource=image")

    for box in page.locator("[data-row] input[type=checkbox]").all()[:2]:
        box.check()
    page.get_by_role("button", name="Erase personal data").click()
    expect(page.get_by_text("Of 2 entries, 2 have personal data")).to_be_visible()
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("Say why")).to_be_visible()
    staff_page.check()
    page.get_by_label("Why?").fill("Request 12 of 3 May")
    page.get_by_role("button", name="Erase for good").click()

    expect(page.get_by_role("status")).to_contain_text("The personal data of 2 entries is erased.")


def test_long_values_are_opened_where_they_stand(staff_page: StaffPage, sealer: Sealer) -> None:
    entry = busy(sealer)
    page = staff_page("moderator").open(page_of(entry))

    row = page.locator(".changes tr", has_text="notes")
    row.locator("summary").focus()
    page.keyboard.press("Enter")

    expect(row.locator("pre")).to_be_visible()
    staff_page.check()
