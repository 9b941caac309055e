"""The page of one image: what it tells, to whom, in every state."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from imaging.actions import jobs
from imaging.models import AnalysisResult, Image, ProcessingJob
from tests.factories import make_image, make_job, make_result, make_user
from tests.imaging.admin.conftest import ROLES, Analyse, ClientFor
from tests.imaging.conftest import Receive
from tests.pictures import disc, encoded

pytestmark = pytest.mark.django_db


def url(image: Image) -> str:
    """The page's address."""
    return f"/imaging/image/{image.pk}/change/"


def page_of(client_for: ClientFor, image: Image, role: str = "viewer") -> str:
    """The page as text."""
    answer = client_for(role).get(url(image))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_every_staff_role_sees_the_page(client_for: ClientFor, analysed: Image, role: str) -> None:
    page = page_of(client_for, analysed, role)

    assert "Negative space" in page
    assert "Largest empty circle" in page


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("admin", {"analyse", "archive", "note"}),
        ("moderator", {"archive", "note"}),
        ("analyst", {"analyse", "note"}),
        ("viewer", set()),
    ],
)
def test_buttons_are_shown_to_those_who_may_use_them(
    client_for: ClientFor, analysed: Image, role: str, allowed: set[str]
) -> None:
    page = page_of(client_for, analysed, role)

    shown = {
        change
        for change in ("analyse", "archive", "note")
        if f'action="/imaging/image/{analysed.pk}/{change}/"' in page
    }
    assert shown == allowed


def test_picture_and_layers_stand_first_and_can_be_switched(
    client_for: ClientFor, analysed: Image
) -> None:
    page = page_of(client_for, analysed)

    for name in ("ground", "outline", "shapes"):
        assert f'data-layer="{name}"' in page
        assert f'data-toggle="{name}" aria-pressed="true"' in page
    assert 'class="ns-circle' in page
    for key in "0123":
        assert f'data-key="{key}"' in page


def test_every_stored_figure_is_told(client_for: ClientFor, analysed: Image) -> None:
    data = analysed.analysis_result.negative_space_data
    page = page_of(client_for, analysed)

    assert f"{data['void_ratio'] * 100:.2f}\u00a0%" in page
    assert f"{data['largest_empty_circle']['r']:,.1f}\u00a0px" in page
    for words in (
        "Open ground",
        "Enclosed ground",
        "Box of all figures",
        "Euler number",
        "Largest empty rectangle",
        "90th percentile",
        "Balance across",
        "Symmetry left to right",
        "Lacunarity slope",
        "Box dimension",
        "Separability",
        "Lacunarity by box side",
        "Ground in the nine fields",
        "Show as table",
    ):
        assert words in page


def test_the_page_needs_no_inline_style_or_script(client_for: ClientFor, analysed: Image) -> None:
    page = page_of(client_for, analysed, "admin")

    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page)
    assert not re.findall(r"<script(?![^>]*\ssrc=)", page)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"void_ratio": 0.5},
        {"void_ratio": "half", "clearance": [], "figures": "none", "thirds": {"void": [1]}},
        {"clearance": {"histogram": {"edges": [1], "shares": None}}, "lacunarity": [None, 3]},
        ["not", "an", "object"],
    ],
)
def test_a_result_that_plain_sql_wrote_does_not_break_the_page(
    client_for: ClientFor, data: Any
) -> None:
    result = make_result(negative_space_data=data, quality_metrics=[1], anomalies=["odd", {}])

    page = page_of(client_for, result.image)

    assert "Every figure" in page


def test_markup_in_stored_figures_is_never_drawn(client_for: ClientFor, analysed: Image) -> None:
    result = analysed.analysis_result
    result.negative_space_data["largest_empty_rect"]["x"] = '"/><script>alert(1)</script>'
    result.save()

    page = page_of(client_for, analysed)

    assert "<script>alert" not in page
    assert 'class="ns-rect' not in page


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.jpg", "\u202egpj.live", "a" * 512, '"><b>.jpg']
)
def test_a_hostile_name_is_shown_as_text(client_for: ClientFor, name: str) -> None:
    image = make_image(file_name=name, metadata={"name_as_given": name, "format": name})
    make_job(image=image)

    page = page_of(client_for, image, "admin")

    assert "<script>alert" not in page
    assert '"><b>' not in page
    assert "<bdi" in page


def test_anomalies_say_what_they_mean_and_what_to_do(client_for: ClientFor) -> None:
    result = make_result(
        anomalies=[
            {"code": "blurred", "severity": "info", "value": 3.2, "limit": 20.0},
            {"code": "no_figure", "severity": "critical", "value": 0.0, "limit": 0.0},
            {"code": "from_mars", "severity": "odd"},
        ]
    )

    page = page_of(client_for, result.image)

    assert page.index("No figure was found") < page.index("The picture is soft")
    assert "try another method" in page
    assert "Measured 3.2; the limit is 20." in page
    assert "From mars" in page


def test_while_a_job_waits_the_page_shows_how_far_it_is(
    client_for: ClientFor, receive: Receive
) -> None:
    upload = receive()

    page = page_of(client_for, upload.image, "analyst")

    assert "The analysis waits" in page
    assert f'data-status-url="/imaging/image/{upload.image.pk}/status/"' in page
    # A new image always has a job.
    assert f"/imaging/processingjob/{upload.job.pk}/cancel/" in page  # type: ignore[union-attr]
    assert "data-live-reload" in page


def test_the_status_endpoint_follows_the_job(client_for: ClientFor, receive: Receive) -> None:
    upload = receive()
    assert upload.job is not None
    client = client_for("viewer")
    address = f"/imaging/image/{upload.image.pk}/status/"

    assert client.get(address).json()["live"] is True
    ProcessingJob.objects.filter(pk=upload.job.pk).update(
        status="processing", progress_done=1, progress_total=3, progress_message="drawing"
    )
    running = client.get(address).json()
    assert (running["done"], running["total"], running["message"]) == (1, 3, "Drawing.")
    ProcessingJob.objects.filter(pk=upload.job.pk).update(status="failed")
    assert client.get(address).json() == {"status": "failed", "live": False}
    assert client.get(f"/imaging/image/{make_user().pk}/status/").status_code == 404


def test_a_failed_analysis_says_what_it_means_and_offers_a_retry(
    client_for: ClientFor, failed_job: ProcessingJob
) -> None:
    analyst = page_of(client_for, failed_job.image, "analyst")
    viewer = page_of(client_for, failed_job.image, "viewer")

    assert "The last analysis failed" in analyst
    assert "the stored file is gone" in analyst
    assert "no result until an analysis succeeds" in analyst
    assert f"/imaging/processingjob/{failed_job.pk}/retry/" in analyst
    assert f"/imaging/processingjob/{failed_job.pk}/retry/" not in viewer
    assert "An analyst can retry it" in viewer


def test_an_image_without_any_job_says_so(client_for: ClientFor) -> None:
    image = make_image()

    assert "No analysis is queued" in page_of(client_for, image, "analyst")
    assert "An analyst can run one." in page_of(client_for, image)


def test_earlier_results_tell_what_changed(
    client_for: ClientFor, analysed: Image, analyse: Analyse
) -> None:
    AnalysisResult.objects.filter(image=analysed).update(notes="first look")
    before = AnalysisResult.objects.get(image=analysed)
    job = jobs.request(analysed, by=analysed.user, parameters={"method": "luma"})
    analyse(job)
    after = AnalysisResult.objects.get(image=analysed)
    points = (
        after.negative_space_data["void_ratio"] - before.negative_space_data["void_ratio"]
    ) * 100

    page = page_of(client_for, analysed)

    assert "Earlier results" in page
    assert "first look" in page
    changed = f"{points:+.1f} points after it" if abs(points) >= 0.05 else "unchanged after it"
    assert changed in page


def test_images_that_look_alike_are_shown_with_their_distance(
    client_for: ClientFor, receive: Receive
) -> None:
    original = receive().image
    copy = receive(encoded(disc(), quality=60), name="copy.jpg").image
    copy.refresh_from_db()
    assert copy.is_duplicate

    page = page_of(client_for, copy, "moderator")
    other = page_of(client_for, original)

    assert "of 64 bits differ" in page
    assert "the oldest" in page
    assert f"/imaging/image/{copy.pk}/not-a-duplicate/" in page
    assert "copy.jpg" in other


def test_neighbours_are_linked_in_the_order_of_the_list(client_for: ClientFor) -> None:
    oldest, middle, newest = make_image(), make_image(), make_image()

    page = page_of(client_for, middle)

    assert re.search(rf'href="{re.escape(url(newest))}" rel="prev" data-key="k"', page)
    assert re.search(rf'href="{re.escape(url(oldest))}" rel="next" data-key="j"', page)
    assert 'rel="prev"' not in page_of(client_for, newest)


def test_the_number_of_queries_does_not_grow_with_history(
    client_for: ClientFor, analysed: Image
) -> None:
    client = client_for("analyst")
    client.get(url(analysed))

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(url(analysed)).status_code == 200
        return len(seen)

    few = queries()
    result = AnalysisResult.objects.get(image=analysed)
    for number in range(6):
        result.algorithm_version = f"ns-{number}"
        result.user = make_user()
        result.save()
        make_job(image=analysed, user=make_user(), status="failed")
        make_image(duplicate_of=analysed, is_duplicate=True)
    assert queries() == few


def test_an_unknown_image_leads_back_to_the_list(client_for: ClientFor) -> None:
    client = client_for("viewer")
    for unknown in ("01a1fc81-b568-74c3-9b88-7aefbe754fde", "nonsense"):
        answer = client.get(f"/imaging/image/{unknown}/change/", follow=True)

        assert answer.redirect_chain == [("/imaging/image/", 302)]
        assert f"There is no image {unknown}" in answer.content.decode()


def test_a_missing_preview_does_not_break_the_page(client_for: ClientFor, analysed: Image) -> None:
    default_storage.delete(analysed.preview_path)
    default_storage.save("unrelated", ContentFile(b"x"))

    assert "Negative space" in page_of(client_for, analysed)
