"""Monitoring in a real browser: the map, the inbox and every other page, by mouse and by key."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from database.fields import uuid7
from ingestion.models import FileUpload
from monitoring import arrays
from monitoring.actions import requesting
from monitoring.models import Alert, AlertRule, Analysis, Anomaly, BaselineMap, Dataset
from tests.browser.harness import StaffPage
from tests.factories import make_analysis, make_dataset, make_user
from tests.monitoring import watched
from tests.monitoring.alerting.making import make_rule, show

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FILES = (
    "/monitoring/alert/",
    "/monitoring/dataset/",
    "/monitoring/anomaly/",
    "/monitoring/analysis/",
    "/monitoring/alertrule/",
    "/monitoring/alertsilence/",
    "/monitoring/parameters/",
)
_INSERT = """
    INSERT INTO monitor_data (
        id, dinsight_id, analysis_id, process_order, first_row, row_count, created_at, user_id,
        monitor_values, x_values, y_values, scores, p_values, severities, off_map
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@pytest.fixture
def engineer(transactional_db: None) -> Iterator[User]:
    """Somebody who watches a machine; the files of the test are removed behind them."""
    yield make_user("analyst")
    for path in FileUpload.objects.exclude(file_path=None).values_list("file_path", flat=True):
        default_storage.delete(path or "")


@pytest.fixture
def press(engineer: User) -> Dataset:
    """A machine with a map, and twenty samples of which three are far away."""
    dataset = make_dataset(engineer, name="Press 3", tags=["line 2"], description="In hall B.")
    watched.fitted(dataset, engineer)
    file = watched.samples(engineer, rows=20, broken=3)
    watched.worked_on(requesting.request_place(dataset, file, by=engineer).analysis)
    return dataset


def ready(page: Page) -> Page:
    """The map has been drawn."""
    expect(page.locator("[data-stage][data-ready]")).to_be_visible()
    return page


def place_on_stage(page: Page, dataset: Dataset, order: int) -> tuple[float, float]:
    """Where a sample is drawn, in pixels of the page: found by marking it by key."""
    page.locator("[data-stage]").focus()
    for _ in range(order):
        page.keyboard.press("n")
    box = page.locator("[data-stage]").bounding_box()
    mark = page.locator(".map-mark")
    expect(page.locator("[data-announce]")).to_contain_text(f"Sample {order},")
    page.wait_for_function("document.querySelector('.map-mark').getAttribute('cx') > 0")
    assert box is not None
    across, down = (float(mark.get_attribute(name) or 0) for name in ("cx", "cy"))
    return box["x"] + across, box["y"] + down


def test_empty_pages_are_sound(staff_page: StaffPage) -> None:
    staff_page("analyst")
    for address in (*FILES, "/monitoring/alertrule/new/", "/monitoring/silence/"):
        expect(staff_page.open(address).locator("h1")).to_be_visible()
    page = staff_page.open("/monitoring/dataset/add/")
    page.get_by_label("Name").fill("Press 7")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("No map yet")).to_be_visible()
    staff_page.check()


def test_the_map_is_driven_by_keyboard(
    press: Dataset, engineer: User, staff_page: StaffPage
) -> None:
    page = ready(staff_page(engineer).open(f"/monitoring/dataset/{press.pk}/change/"))
    staff_page.screenshot("dataset")
    staff_page.screenshot("dataset", width=800)
    said = page.locator("[data-announce]")
    stage = page.locator("[data-stage]")

    stage.focus()
    page.keyboard.press("m")
    expect(said).to_contain_text("Sample 18,")
    page.keyboard.press("n")
    expect(said).to_contain_text("Sample 19,")
    page.keyboard.press("p")
    expect(said).to_contain_text("Sample 18,")
    page.keyboard.press("Enter")
    expect(page.locator("[data-point]")).to_contain_text("Sample 18")
    expect(page.locator("[data-point] svg.deviations")).to_contain_text("f_3 deviates most")
    staff_page.check()

    for key in ("+", "+", "ArrowLeft", "ArrowUp", "-", "0", "g", "h", "o", "o", "h", "g"):
        page.keyboard.press(key)
    page.keyboard.press("b")
    expect(page.get_by_role("button", name="Box")).to_have_attribute("aria-pressed", "true")
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
    for _ in range(60):
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("[data-selected-count]")).to_contain_text("20 samples")
    expect(page.locator("[data-selected] tr")).to_have_count(20)
    staff_page.check()
    page.locator("[data-selected] button").nth(19).press("Enter")
    expect(page.locator("[data-point]")).to_contain_text("Sample 20")
    stage.focus()
    page.keyboard.press("Escape")
    expect(page.locator("[data-selection]")).to_be_hidden()

    page.get_by_label("Colour").select_option("column:participant")
    expect(page.locator("[data-legend]")).to_contain_text("not known")
    page.get_by_label("Colour").select_option("column:f_3")
    expect(page.locator("[data-legend] li")).to_have_count(6)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Mark the next anomalous sample")
    staff_page.check()


def test_the_map_is_driven_by_mouse(press: Dataset, engineer: User, staff_page: StaffPage) -> None:
    page = ready(staff_page(engineer).open(f"/monitoring/dataset/{press.pk}/change/"))
    x, y = place_on_stage(page, press, 20)

    page.mouse.click(x, y)
    expect(page.locator("[data-point]")).to_contain_text("Sample 20")
    page.get_by_role("button", name="Lasso").click()
    page.mouse.move(x + 40, y)
    page.mouse.down()
    for step in range(1, 25):
        angle = 2 * math.pi * step / 24
        page.mouse.move(x + 40 * math.cos(angle), y + 40 * math.sin(angle))
    page.mouse.up()
    expect(page.locator("[data-selected-count]")).to_contain_text("selected")
    expect(page.locator("[data-selected]")).to_contain_text("20")
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 120, y + 40, steps=5)
    page.mouse.up()
    # A chart that has not followed a narrower window yet makes nothing scroll sideways.
    page.evaluate("document.querySelector('.distances .uplot').style.width = '3000px'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    staff_page.check()

    chart = page.locator(".distances .u-over")
    expect(chart).to_be_visible()
    chart.scroll_into_view_if_needed()
    staff_page.screenshot("distances")
    chart.click()
    expect(page.locator("[data-point] h3")).to_contain_text("Sample")
    staff_page.check()
    with page.expect_download() as download:
        page.get_by_role("link", name="png").first.click()
    assert download.value.suggested_filename.startswith("map-")


def test_a_link_opens_its_sample_on_the_map(
    press: Dataset, engineer: User, staff_page: StaffPage
) -> None:
    anomaly = Anomaly.objects.get(process_order=20)
    page = staff_page(engineer).open(f"/monitoring/anomaly/{anomaly.pk}/change/")
    staff_page.screenshot("anomaly")

    page.keyboard.press("m")

    ready(page)
    expect(page.locator("[data-point]")).to_contain_text("Sample 20")
    analysis = Analysis.objects.get(analysis_type="place")
    staff_page.open(f"/monitoring/analysis/{analysis.pk}/change/")
    staff_page.screenshot("analysis")
    for name in ("fit", "place", "edit"):
        staff_page.open(f"/monitoring/dataset/{press.pk}/{name}/")
    for address in FILES:
        staff_page.open(address)
        staff_page.screenshot(address.strip("/").replace("/", "-"))


def _many(map_: BaselineMap, count: int) -> None:
    """So many samples around the map, in blocks."""
    chance = np.random.default_rng(4)
    places = chance.normal(size=(count, 2))
    scores = np.abs(chance.normal(size=count)) + 1
    severities = np.minimum(4, np.maximum(0, (scores - 3) * 4)).astype(int)
    size, now = 5000, timezone.now()
    with transaction.atomic():
        for start in range(0, count, size):
            part = slice(start, min(start + size, count))
            rows = part.stop - part.start
            arrays.execute(
                _INSERT,
                [
                    uuid7(), map_.pk, None, start + 1, 1, rows, now, map_.user_id,
                    arrays.Doubles(np.zeros((rows, 2))), arrays.Doubles(places[part, 0]),
                    arrays.Doubles(places[part, 1]), arrays.Doubles(scores[part]),
                    arrays.Doubles(np.full(rows, 0.5)), arrays.Shorts(severities[part]),
                    arrays.Flags(np.zeros(rows, bool)),
                ],
            )  # fmt: skip


_FRAMES = """async () => {
    const stage = document.querySelector("[data-stage]");
    stage.focus();
    const { left, top, width, height } = stage.getBoundingClientRect();
    const times = [];
    let last = performance.now();
    for (let i = 0; i < 60; i += 1) {
        const at = { clientX: left + width / 2, clientY: top + height / 2, cancelable: true };
        stage.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY: i % 20 < 10 ? -60 : 60 }));
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push((now - last) / 2);
        last = now;
    }
    return times.sort((one, other) => one - other);
}"""


def test_a_hundred_thousand_samples_are_shown_and_moved(
    engineer: User, staff_page: StaffPage, tmp_path: Path
) -> None:
    dataset = make_dataset(engineer)
    analysis = make_analysis(dataset, analysis_type="fit")
    _many(BaselineMap.objects.get(pk=analysis.dinsight_id), 100_000)

    page = ready(staff_page(engineer).open(f"/monitoring/dataset/{dataset.pk}/change/"))

    expect(page.locator("[data-legend]")).to_contain_text("critical: 289")
    # Written down beside the pictures, as machines differ.
    times = page.evaluate(_FRAMES)
    said = f"frame: median {times[len(times) // 2]:.1f} ms, longest {times[-1]:.1f} ms\n"
    (tmp_path / "frames.txt").write_text(said)
    assert len(times) == 60
    outside = page.locator("[data-outside]")
    page.keyboard.press("1")
    for _ in range(8):
        page.keyboard.press("+")
    expect(outside).to_contain_text("samples lie outside this view: 0 shows all.")
    page.get_by_role("button", name="All").click()
    expect(outside).to_be_hidden()
    staff_page.check()
    staff_page.screenshot("hundred-thousand")


def test_the_inbox_is_worked_off_by_key(engineer: User, staff_page: StaffPage) -> None:
    dataset = make_dataset(engineer, name="Press 3")
    for name in ("Heat", "Noise", "Vibration"):
        show(make_rule(dataset, name=name), "high")
    page = staff_page(engineer).open("/monitoring/alert/")
    staff_page.screenshot("inbox")
    said = page.locator("[data-inbox-said]")

    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(said).to_have_text("It is acknowledged.")
    first = page.locator("#result_list [data-row]").first
    expect(first).to_contain_text("Acknowledged")
    # The next row has the focus.
    expect(page.get_by_role("link", name="Noise")).to_be_focused()
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_contain_text("Noise")
    page.keyboard.type("new bearing")
    staff_page.check()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(said).to_have_text("It is resolved.")
    expect(page.locator("#result_list [data-row]").nth(1)).to_contain_text("Resolved")
    page.keyboard.press("k")
    page.keyboard.press("a")
    expect(said).to_have_text("This alert cannot be answered so any more.")
    staff_page.check()
    staff_page.screenshot("inbox-answered")

    page.get_by_role("button", name="Resolve the alert of Heat").click()
    page.get_by_label("Why is it over?").fill("it is")
    page.get_by_role("button", name="Leave it open").click()
    expect(page.get_by_role("button", name="Resolve the alert of Heat")).to_be_visible()
    page.get_by_role("link", name="Heat").click()
    expect(page.get_by_role("heading", name="Who was told")).to_be_visible()
    staff_page.check()
    staff_page.screenshot("alert")
    states = dict(Alert.objects.values_list("alert_rule__name", "status"))
    assert states == {"Heat": "active", "Noise": "resolved", "Vibration": "acknowledged"}


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the field of this name, or the button that says so, has the focus."""
    wanted = f"[document.activeElement.name, document.activeElement.innerText].includes('{name}')"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(wanted):
            return
    raise AssertionError(f"There is no way to {name} with the tabulator.")


def test_a_rule_is_made_by_keyboard_alone(
    press: Dataset, engineer: User, staff_page: StaffPage
) -> None:
    page = staff_page(engineer).page
    page.goto(f"/monitoring/alertrule/new/?dataset={press.pk}")
    column = page.get_by_label("Comparison 2: name of the column")

    def typed(*answers: tuple[str, str]) -> None:
        for name, text in answers:
            tab_to(page, name)
            page.keyboard.type(text)

    typed(("name", "Press leaves"), ("condition-join", "any"))
    typed(("condition-0-metric", "Share"), ("condition-0-op", "is above"))
    typed(
        ("condition-0-value", "10"), ("condition-0-window", "2"), ("condition-0-window-unit", "h")
    )
    tab_to(page, "Add a comparison")
    page.keyboard.press("Enter")
    # The new row has the focus; what its metric needs is shown, and nothing else.
    expect(page.get_by_label("Comparison 2: what is looked at")).to_be_focused()
    expect(column).to_be_hidden()
    page.keyboard.type("Column")
    expect(column).to_be_visible()
    expect(page.get_by_label("Comparison 2: severity")).to_be_hidden()
    typed(("condition-1000-column", "participant"), ("condition-1000-column_op", "is one"))
    typed(("condition-1000-value", "a, c"))
    tab_to(page, "Add a comparison")
    page.keyboard.press("Enter")
    page.keyboard.type("Off")
    tab_to(page, "drop")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Comparison 2: what is looked at")).to_be_focused()
    tab_to(page, "columns")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    # It is over at another threshold of the same, unless something else is chosen.
    typed(("clear-join", "any"), ("clear-0-value", "4"), ("calm", "10"))
    typed(("mail-0-to", "shift@plant.example"), ("mail-0-severity", "High"))
    staff_page.check()
    tab_to(page, "repeat_seconds")
    page.keyboard.press("Enter")

    expect(page.get_by_text("The rule looks at every sample from now on.")).to_be_visible()
    staff_page.check()
    rule = AlertRule.objects.get()
    window = {"window": {"seconds": 7200}}
    share = {"metric": "window.anomaly_pct", **window}
    assert rule.condition == {
        "condition": {
            "any": [
                share | {"op": "gt", "value": 10},
                {"metric": "meta.participant", "op": "in", "value": ["a", "c"]},
            ]
        },
        "clear": share | {"op": "lte", "value": 4},
        "for": {"points": 3},
        "keep_firing_for": {"points": 10},
        "group_by": ["meta.participant"],
    }
    assert rule.actions == [
        {"type": "email", "to": ["shift@plant.example"], "severity": "high"},
        {"type": "webhook"},
    ]


def test_a_rule_is_written_tried_and_silenced(
    press: Dataset, engineer: User, staff_page: StaffPage
) -> None:
    page = staff_page(engineer).open(f"/monitoring/alertrule/new/?dataset={press.pk}&as=json")
    page.get_by_label("Name", exact=True).fill("Vibration")
    condition = page.get_by_label("Condition, as JSON")
    condition.fill('{"metric": "severity", "op": "over", "value": "low"}')
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_role("alert")).to_contain_text("$.op")
    # The browser notes by itself that the form was refused.
    staff_page._problems[:] = [one for one in staff_page._problems if "400" not in one]
    staff_page.check()
    condition.fill('{"metric": "severity", "op": "gte", "value": "low"}')
    page.get_by_role("button", name="Try it on the last").click()
    expect(page.locator("[data-tried]")).to_contain_text("It would have raised 1 alert")
    staff_page.check()
    staff_page.screenshot("rule")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_text("The rule looks at every sample from now on.")).to_be_visible()
    staff_page.check()

    page = staff_page.open("/monitoring/silence/")
    page.get_by_label("Low").check()
    page.get_by_label("Why").fill("Repair")
    staff_page.screenshot("silence")
    page.get_by_role("button", name="Silence", exact=True).press("Enter")
    expect(page.get_by_text("Quiet now", exact=True)).to_be_visible()
    staff_page.check()
