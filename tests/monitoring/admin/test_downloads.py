"""Maps, distances and anomalies as files for reports."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from numpy.typing import NDArray
from PIL import Image

import monitoring
from accounts.models import User
from monitoring.actions import silences
from monitoring.admin import pictures
from monitoring.admin.map_data import Batch
from monitoring.admin.pictures.axes import Plot, powers, steps
from monitoring.models import Anomaly, BaselineMap, Dataset
from tests.factories import make_analysis, make_anomaly
from tests.monitoring.admin.conftest import LogIn
from tests.monitoring.alerting.making import make_rule, show

VENDOR = Path(monitoring.__file__).parent / "static/monitoring/vendor"


def rows_of(body: bytes) -> list[list[str]]:
    """The cells of a CSV."""
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))


def is_plain(svg: str) -> bool:
    """An SVG that any content security policy lets pass."""
    ET.fromstring(svg)
    return not re.search(r"style=|<style|<script|href=|\son\w+=", svg)


@pytest.mark.django_db
@pytest.mark.parametrize("subject", ["map", "distances"])
def test_the_map_and_the_distances_are_files_for_reports(
    subject: str, press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    stem = f"/monitoring/dataset/{press.pk}/map/{map_.pk}/download/{subject}"

    png = client.get(f"{stem}.png/")
    picture = Image.open(io.BytesIO(png.content))
    assert picture.format == "PNG"
    assert picture.width == 1920
    assert f"{subject}-" in png.headers["Content-Disposition"]
    svg = client.get(f"{stem}.svg/").content.decode()
    assert is_plain(svg)
    assert "3 of 20 samples" in svg
    rows = rows_of(client.get(f"{stem}.csv/").content)
    assert len(rows) == 1 + 20 + (map_.row_count if subject == "map" else 0)
    assert rows[-1][rows[0].index("severity")] == "critical"
    for wanted in ("map.exe", "map", "points.csv", ".csv"):
        address = f"/monitoring/dataset/{press.pk}/map/{map_.pk}/download/{wanted}/"
        assert client.get(address).status_code == 404


@pytest.mark.django_db
def test_anomalies_are_files_with_the_filters_of_the_list(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    placed = make_analysis(press)
    for severity in ("low", "low", "high"):
        make_anomaly(placed, severity=severity)
    make_anomaly()  # of somebody else

    everything = rows_of(client.get("/monitoring/anomaly/download/csv/").content)
    assert len(everything) == 4
    some = rows_of(client.get("/monitoring/anomaly/download/csv/?severity=high").content)
    assert [row[some[0].index("severity")] for row in some[1:]] == ["high"]
    assert some[1][some[0].index("features")] == "f_0 +4.2"
    svg = client.get("/monitoring/anomaly/download/svg/").content.decode()
    assert is_plain(svg)
    assert "3 anomalies" in svg
    png = client.get("/monitoring/anomaly/download/png/").content
    assert Image.open(io.BytesIO(png)).format == "PNG"
    assert client.get("/monitoring/anomaly/download/exe/").status_code == 404


@pytest.mark.django_db
def test_alerts_are_a_file_with_the_filters_of_the_inbox(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    show(make_rule(press, name="Vibration"), "high")
    client = log_in(engineer)

    rows = rows_of(client.get("/monitoring/alert/download/csv/").content)

    assert len(rows) == 2
    assert rows[1][rows[0].index("rule")] == "Vibration"
    assert rows[1][rows[0].index("severity")] == "high"
    assert len(rows_of(client.get("/monitoring/alert/download/csv/?severity=low").content)) == 1
    assert len(rows_of(log_in("analyst").get("/monitoring/alert/download/csv/").content)) == 1
    svg = log_in(engineer).get("/monitoring/alert/download/svg/").content.decode()
    assert is_plain(svg)
    assert "1 alert, on " in svg
    png = client.get("/monitoring/alert/download/png/").content
    assert Image.open(io.BytesIO(png)).format == "PNG"
    assert client.get("/monitoring/alert/download/exe/").status_code == 404


@pytest.mark.django_db
def test_a_text_that_a_spreadsheet_would_compute_is_kept_as_text(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    Dataset.objects.filter(pk=press.pk).update(name="=HYPERLINK(1)")
    make_anomaly(make_analysis(press))

    rows = rows_of(log_in(engineer).get("/monitoring/anomaly/download/csv/").content)

    assert rows[1][rows[0].index("dataset")] == "'=HYPERLINK(1)"


@pytest.mark.django_db
def test_pictures_of_nothing_say_so(press: Dataset, engineer: User, log_in: LogIn) -> None:
    assert not Anomaly.objects.exists()

    svg = log_in(engineer).get("/monitoring/anomaly/download/svg/").content.decode()

    assert "No anomalies in this time" in svg


def test_the_bars_escape_names_and_leave_out_what_has_no_size() -> None:
    svg = pictures.deviation_bars(
        [
            {"name": "<b>", "value": 1.5, "deviation": 3.0},
            {"name": "f_1", "value": 2, "deviation": -1.0},
            {"name": "f_2"},
        ]
    )

    assert is_plain(svg)
    assert "&lt;b&gt;" in svg
    assert svg.count("<rect") == 2
    assert "f_2" not in svg


def test_unknown_distances_are_left_out_of_the_line() -> None:
    sheet = pictures.SvgSheet(960, 420, title="Distances")
    scores = np.array([1.0, np.nan, 3.0])
    batch = Batch(0, 3, timezone.now(), None, 2.0)

    pictures.distances_over_time(sheet, np.arange(1, 4), scores, np.array([0, 255, 4]), [batch])

    assert is_plain(str(sheet))
    assert "nan" not in str(sheet)
    empty = pictures.SvgSheet(960, 420, title="Distances")
    pictures.distances_over_time(empty, np.arange(1), np.array([np.nan]), np.array([255]), [])
    assert "No sample has a distance" in str(empty)


def drawn(scores: list[float], threshold: float) -> str:
    """The distances as SVG."""
    sheet = pictures.SvgSheet(960, 420, title="Distances")
    severities = np.where(np.array(scores) > threshold, 1, 0)
    batch = Batch(0, len(scores), timezone.now(), None, threshold)
    order = np.arange(1, len(scores) + 1)
    pictures.distances_over_time(sheet, order, np.array(scores), severities, [batch])
    return str(sheet)


def test_distances_go_by_powers_of_ten_where_one_would_hide_the_others() -> None:
    far = drawn([0.0, 0.05, 0.5, 600.0], 0.9)

    assert is_plain(far)
    assert "by powers of ten" in far
    assert all(f">{level}<" in far for level in ("0.1", "1", "10", "100"))
    assert "by powers of ten" not in drawn([0.05, 0.5, 20.0], 0.9)


def test_a_plot_by_powers_gives_each_power_the_same_room() -> None:
    plot = Plot(0, 0, 100, 300, (0, 0.1), (1, 100), by_powers=True)

    assert [round(plot.at(0, value)[1]) for value in (100, 10, 1, 0.1, 0)] == [
        0,
        100,
        200,
        300,
        300,
    ]
    assert list(powers(0.05, 2000)) == pytest.approx([0.1, 1, 10, 100, 1000])


def test_what_is_far_away_stands_at_the_edge_of_the_map_and_is_counted() -> None:
    healthy = np.random.default_rng(1).normal(size=(500, 2))
    samples = np.array([[0.0, 0.0], [5000.0, 0.0], [0.0, -9000.0]])

    def picture(places: NDArray[np.float64]) -> str:
        sheet = pictures.SvgSheet(960, 720, title="Map")
        pictures.map_picture(sheet, healthy, places, np.array([0, 4, 4])[: len(places)], [])
        return str(sheet)

    assert "2 farther away are drawn at the edge" in picture(samples)
    assert "at the edge" not in picture(samples[:1])
    places = re.findall(r"M(-?[\d.]+) (-?[\d.]+)h0", picture(samples))
    assert all(0 <= float(x) <= 960 and 0 <= float(y) <= 720 for x, y in places)


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (3, 3, [3])],
)
def test_the_steps_of_an_axis_are_round(low: float, high: float, wanted: list[float]) -> None:
    assert list(steps(low, high)) == pytest.approx(wanted)


def test_what_is_not_our_own_is_as_it_was_published() -> None:
    table = (VENDOR / "README.md").read_text()
    named = dict(re.findall(r"\| `([\w.]+)` \|.*\| `([0-9a-f]{64})` \|", table))

    assert set(named) == {file.name for file in VENDOR.iterdir()} - {"README.md"}
    for name, wanted in named.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == wanted


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        "anomaly/download/csv/",
        "alert/download/csv/",
        "anomaly/",
        "alert/",
        "alertrule/",
        "alertsilence/",
        "analysis/",
        "dataset/",
    ],
)
def test_what_is_noted_of_a_dataset_is_not_read_for_each_of_its_rows(
    press: Dataset, engineer: User, log_in: LogIn, address: str
) -> None:
    make_anomaly(make_analysis(press))
    show(make_rule(press), "low")
    silences.silence(
        press.pk, ends_at=timezone.now() + timedelta(days=1), comment="Repair", by=engineer
    )

    with CaptureQueriesContext(connection) as read:
        page = log_in(engineer).get(f"/monitoring/{address}").content.decode()

    assert "Press 3" in page
    assert not [one["sql"] for one in read.captured_queries if '"sealed_metadata"' in one["sql"]]
