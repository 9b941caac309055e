"""Rows that plain SQL filled with what no analysis writes: pages leave it out and still answer."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.admin.formats import NOTHING
from imaging.admin import anomalies, drawings, findings, tables
from imaging.models import Image, ProcessingJob
from tests.factories import make_image, make_job, make_result
from tests.imaging.admin.conftest import ClientFor

HUGE: Final = 10**400  # JSON may hold it; no float can


def stored(table: str, column: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s", [value])


@pytest.mark.django_db
@pytest.mark.parametrize("number", [str(HUGE), f"-{HUGE}", f"{HUGE}.5", "true"])
def test_dimensions_that_are_no_length_are_left_out(client_for: ClientFor, number: str) -> None:
    image = make_image()
    stored("images", "image_dimensions", f'{{"width": {number}, "height": 30}}')
    client = client_for("viewer")

    assert client.get("/imaging/image/").status_code == 200
    assert client.get(f"/imaging/image/{image.pk}/change/").status_code == 200
    image.refresh_from_db()
    assert (image.width, image.height) == (None, 30)


@pytest.mark.django_db
def test_a_share_beyond_every_float_shows_as_a_dash_in_the_list(client_for: ClientFor) -> None:
    make_result()
    stored("analysis_results", "negative_space_data", f'{{"void_ratio": {HUGE}}}')

    answer = client_for("viewer").get("/imaging/analysisresult/")

    assert answer.status_code == 200
    assert NOTHING in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("number", [str(HUGE), f"{HUGE}.5"])
def test_findings_beyond_every_float_leave_the_page_whole(
    client_for: ClientFor, number: str
) -> None:
    result = make_result()
    box = f'{{"x": {number}, "y": 1, "w": {number}, "h": 2}}'
    line = f"[{number}, 0.5, 0.5]"
    data = f"""{{
        "void_ratio": {number}, "figure_count": {number}, "size": {{"width": {number}}},
        "figures": [{{"area": {number}, "area_ratio": {number}, "bbox": {box}}}],
        "largest_empty_circle": {{"r": {number}, "cx": {number}, "cy": 1, "r_relative": {number}}},
        "lacunarity": [{{"r": {number}, "value": {number}}}],
        "clearance": {{"histogram": {{"edges": {line}, "shares": {line}}}}},
        "thirds": {{"void": [{line}, {line}, {line}]}}, "balance": {{"x": {number}}}
    }}"""
    stored("analysis_results", "negative_space_data", data)
    stored("analysis_results", "quality_metrics", f'{{"contrast": {number}, "clipped": {number}}}')
    stored(
        "analysis_results",
        "anomalies",
        f'[{{"code": "blurred", "severity": "info", "value": {number}, "limit": {number}}}]',
    )

    answer = client_for("viewer").get(f"/imaging/image/{result.image_id}/change/")

    assert answer.status_code == 200
    assert "The picture is soft" in answer.content.decode()


@pytest.mark.parametrize("value", [HUGE, -HUGE, float("inf"), float("nan"), 10**15 + 1, True, "1"])
def test_what_is_no_figure_is_none(value: Any) -> None:
    assert findings.figure({"a": value}, "a") is None


@pytest.mark.parametrize("value", [0, -3, 0.25, 10**15])
def test_figures_stay_as_they_are(value: float) -> None:
    assert findings.figure({"a": value}, "a") == value


def test_tables_leave_out_what_no_float_holds() -> None:
    line = [HUGE, 0.5, float("inf")]

    assert tables.thirds({"thirds": {"void": [line] * 3}})[0] == [
        (NOTHING, "none"),
        ("50\u00a0%", "5"),
        (NOTHING, "none"),
    ]
    assert [row.value for row in tables.quality({"contrast": HUGE})] == [NOTHING]
    measured = anomalies.described([{"code": "blurred", "value": HUGE, "limit": 1}])[0].measured
    assert measured == ""
    assert drawings.drawn(lambda _: "<svg>", {"size": {"width": HUGE}}) == ""


@pytest.mark.django_db
@pytest.mark.parametrize("fingerprint", ["/" * 20, "F" * 64, "abc", "f" * 65, "ff\n" * 8])
def test_layers_are_offered_only_for_what_can_be_a_fingerprint(
    client_for: ClientFor, fingerprint: str
) -> None:
    result = make_result(algorithm_fingerprint=fingerprint, visualization_path="x.webp")

    answer = client_for("viewer").get(f"/imaging/image/{result.image_id}/change/")

    assert answer.status_code == 200
    assert "/layers/" not in answer.content.decode()


@pytest.mark.django_db
def test_files_and_jobs_are_shown_without_reading_the_metadata(client_for: ClientFor) -> None:
    job = make_job()
    client = client_for("viewer")

    for address in (
        f"/imaging/image/{job.image_id}/files/thumbnail/",
        f"/imaging/image/{job.image_id}/files/original/",
        f"/imaging/processingjob/{job.pk}/change/",
    ):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(address)
        assert not [one["sql"] for one in queries if '"images"."metadata"' in one["sql"]]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "address", "action"),
    [
        ("admin", "/imaging/image/", "archive"),
        ("analyst", "/imaging/image/", "analyse_again"),
        ("analyst", "/imaging/processingjob/", "retry"),
        ("analyst", "/imaging/processingjob/", "cancel"),
        ("analyst", "/imaging/processingjob/", "prioritise"),
    ],
)
@pytest.mark.parametrize("chosen", ["x", "\x00", ""])
def test_a_chosen_row_that_cannot_be_one_changes_nothing(
    client_for: ClientFor, role: str, address: str, action: str, chosen: str
) -> None:
    job = make_job()

    answer = client_for(role).post(
        address,
        {"action": action, "_selected_action": [str(job.pk), chosen]},
        follow=True,
    )

    assert answer.status_code == 200
    assert "The chosen rows were not understood" in answer.content.decode()
    assert ProcessingJob.objects.get().status == "queued"
    assert Image.objects.get().analysis_status == "pending"


@pytest.mark.django_db
def test_a_failure_names_the_file_shortly_and_whatever_its_direction(
    client_for: ClientFor, failed_job: ProcessingJob
) -> None:
    name = "\u202e<b>" + "n" * 300
    Image.objects.update(file_name=name)
    ProcessingJob.objects.update(error_message=f"{name}: the stored file is gone.")

    page = client_for("analyst").get(f"/imaging/image/{failed_job.image_id}/change/")
    text = page.content.decode()
    sentence = text[text.index('class="trouble-text">') :].partition("</p>")[0]

    assert f"<bdi>\u202e&lt;b&gt;{'n' * 75}…</bdi>: the stored file is gone." in sentence


@pytest.mark.django_db
def test_a_failure_of_an_image_without_name_keeps_its_reason(
    client_for: ClientFor, failed_job: ProcessingJob
) -> None:
    Image.objects.update(file_name="")

    page = client_for("viewer").get(f"/imaging/image/{failed_job.image_id}/change/")

    assert "the stored file is gone." in page.content.decode()
