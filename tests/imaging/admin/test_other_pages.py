"""Results, earlier results, cached results, the overview's panels, and the search."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from imaging.models import AnalysisCacheEntry, AnalysisResult, AnalysisResultHistory, Image
from tests.factories import make_image, make_job, make_result
from tests.imaging.admin.conftest import ROLES, ClientFor

pytestmark = pytest.mark.django_db

LISTS = ("analysisresult", "analysisresulthistory", "analysiscacheentry")


@pytest.fixture
def earlier(analysed: Image) -> AnalysisResultHistory:
    """A result that another replaced."""
    AnalysisResult.objects.filter(image=analysed).update(algorithm_version="ns-2")
    return AnalysisResultHistory.objects.get()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", LISTS)
def test_what_was_found_is_listed_and_never_changed(
    client_for: ClientFor, earlier: AnalysisResultHistory, name: str, role: str
) -> None:
    client = client_for(role)

    page = client.get(f"/imaging/{name}/").content.decode()

    assert earlier.image.file_name in page
    assert client.get(f"/imaging/{name}/add/").status_code == 403
    assert 'name="action"' not in page


def test_a_result_in_force_is_read_on_its_images_page(
    client_for: ClientFor, analysed: Image
) -> None:
    result = analysed.analysis_result

    answer = client_for("viewer").get(f"/imaging/analysisresult/{result.pk}/change/")

    assert answer["Location"] == f"/imaging/image/{analysed.pk}/change/"


def test_an_earlier_result_is_read_in_full(
    client_for: ClientFor, earlier: AnalysisResultHistory
) -> None:
    client = client_for("viewer")
    address = f"/imaging/analysisresulthistory/{earlier.pk}/change/"

    page = client.get(address).content.decode()

    assert "ns-1" in page
    assert "largest_empty_circle" in page
    assert client.post(address, {"notes": "x"}).status_code == 403


def test_a_cached_result_is_read_in_full(client_for: ClientFor, analysed: Image) -> None:
    entry = AnalysisCacheEntry.objects.get(image=analysed)

    page = client_for("viewer").get(f"/imaging/analysiscacheentry/{entry.pk}/change/")

    assert "void_ratio" in page.content.decode()


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_searched_by_id(
    client_for: ClientFor, earlier: AnalysisResultHistory, name: str
) -> None:
    client = client_for("viewer")

    found = client.get(f"/imaging/{name}/", {"q": str(earlier.image_id)}).content.decode()
    nothing = client.get(f"/imaging/{name}/", {"q": "nonsense"}).content.decode()

    assert "disc.jpg" in found
    assert "disc.jpg" not in nothing


@pytest.mark.parametrize("name", ["analysisresult", "analysiscacheentry"])
def test_their_number_of_queries_does_not_grow(client_for: ClientFor, name: str) -> None:
    client = client_for("viewer")

    def fill(count: int) -> None:
        for _ in range(count):
            result = make_result(image=make_image())
            AnalysisCacheEntry.objects.create(
                cache_key=str(result.pk),
                image=result.image,
                analysis=result,
                algorithm_fingerprint="f",
                cached_result={},
            )

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(f"/imaging/{name}/").status_code == 200
        return len(seen)

    fill(1)
    queries()
    few = queries()
    fill(10)
    assert queries() == few


def test_the_overview_shows_images_and_the_queue(client_for: ClientFor) -> None:
    image = make_image(file_name="<b>latest</b>.jpg")
    make_job(image=image, status="failed", error_message="it <i>broke</i>")

    page = client_for("analyst").get("/").content.decode()

    for title in ("Latest images", "Failed analyses", "Images by status", "Queue"):
        assert title in page
    assert "&lt;b&gt;latest&lt;/b&gt;.jpg" in page
    assert "it &lt;i&gt;broke&lt;/i&gt;" in page


def test_an_empty_overview_offers_the_upload(client_for: ClientFor) -> None:
    page = client_for("analyst").get("/").content.decode()

    assert "No images yet." in page
    assert "Failed analyses" not in page
    assert "/imaging/image/add/" in page
    assert "/imaging/image/add/" not in client_for("viewer").get("/").content.decode()


def test_the_overviews_queries_do_not_grow(client_for: ClientFor) -> None:
    client = client_for("viewer")

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/").status_code == 200
        return len(seen)

    make_job(status="failed")
    queries()
    few = queries()
    for _ in range(8):
        make_job(status="failed")
    assert queries() == few


def test_the_search_finds_images_and_jobs(client_for: ClientFor) -> None:
    image = make_image(file_name="Harbour at dawn.tif")
    make_image(file_name="harbour at night.tif")
    job = make_job(image=image)
    client = client_for("viewer")

    both = client.get("/search/", {"q": "harbour"}).content.decode()
    assert "Harbour at dawn.tif" in both
    assert "harbour at night.tif" in both
    for text, address in [
        (image.file_hash[:16], f"/imaging/image/{image.pk}/change/"),
        (str(image.pk), f"/imaging/image/{image.pk}/change/"),
        (str(job.pk), f"/imaging/processingjob/{job.pk}/change/"),
    ]:
        assert client.get("/search/", {"q": text})["Location"] == address
