"""The files of images and results, as answers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from imaging.models import AnalysisResult, Image
from tests.factories import make_image, make_result
from tests.imaging.api.conftest import CallerOf, problem
from tests.pictures import jpeg

pytestmark = pytest.mark.django_db

PICTURES = ("visualization", "ground", "outline")
DIAGRAMS = ("shapes", "margins", "clearance")


def test_the_original_is_a_download_with_its_bytes(caller: CallerOf, analysed: Image) -> None:
    answer = caller("viewer").get(f"/api/v1/images/{analysed.pk}/original/")

    assert answer.streaming
    assert answer.getvalue() == jpeg()
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Content-Disposition"] == 'attachment; filename="disc.jpg"'
    assert answer["ETag"] == f'"{hashlib.sha256(jpeg()).hexdigest()}"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("accept", ["*/*", "image/webp", "image/*", "application/json"])
def test_small_pictures_are_shown_whatever_is_accepted(
    caller: CallerOf, analysed: Image, accept: str
) -> None:
    for part in ("preview", "thumbnail"):
        answer = caller("viewer").get(f"/api/v1/images/{analysed.pk}/{part}/", Accept=accept)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
        assert answer.content[8:12] == b"WEBP"
        assert answer["Content-Disposition"] == f'inline; filename="{part}.webp"'
        assert answer["Cache-Control"] == "private, max-age=3600"
        assert "Authorization" in answer["Vary"]


def test_who_has_a_file_is_not_sent_it_again(caller: CallerOf, analysed: Image) -> None:
    viewer = caller("viewer")
    result = AnalysisResult.objects.get()

    for path in (
        *(f"images/{analysed.pk}/{part}/" for part in ("original", "preview", "thumbnail")),
        *(f"results/{result.pk}/drawings/{name}/" for name in (*PICTURES, *DIAGRAMS)),
    ):
        answer = viewer.get(f"/api/v1/{path}")
        etag = answer["ETag"]
        answer.getvalue()
        again = viewer.get(f"/api/v1/{path}", If_None_Match=etag)
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)


def test_drawings_are_pictures_and_diagrams(caller: CallerOf, analysed: Image) -> None:
    result = AnalysisResult.objects.get()
    viewer = caller("viewer")

    for name in PICTURES:
        answer = viewer.get(f"/api/v1/results/{result.pk}/drawings/{name}/")
        assert answer["Content-Type"] == "image/webp"
        assert answer.content[8:12] == b"WEBP"
    for name in DIAGRAMS:
        answer = viewer.get(f"/api/v1/results/{result.pk}/drawings/{name}/")
        assert answer["Content-Type"] == "image/svg+xml"
        assert answer.content.startswith(b"<svg xmlns")
        assert "sandbox" in answer["Content-Security-Policy"]
        assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_an_unknown_drawing_is_not_found(caller: CallerOf, analysed: Image) -> None:
    result = AnalysisResult.objects.get()

    for name in ("secret", "..%2Fvisualization", "visualization.webp", "%00", "a" * 3000):
        answer = caller("viewer").get(f"/api/v1/results/{result.pk}/drawings/{name}/")
        problem(answer, 404, "not-found")


def test_figures_that_cannot_be_drawn_are_not_found(caller: CallerOf) -> None:
    hostile = '"/><script>alert(1)</script>'
    result = make_result(
        negative_space_data={"size": {"width": hostile, "height": 1}, "margins": hostile}
    )

    for name in DIAGRAMS:
        answer = caller("viewer").get(f"/api/v1/results/{result.pk}/drawings/{name}/")
        assert answer.status_code == 404
        assert b"<script>" not in answer.content


def test_a_lost_file_is_a_problem_that_says_so(caller: CallerOf, analysed: Image) -> None:
    default_storage.delete(analysed.file_path)

    told = problem(
        caller("viewer").get(f"/api/v1/images/{analysed.pk}/original/"), 404, "file-gone"
    )

    assert told["detail"] == "disc.jpg: the stored file is gone. Restore it from a backup."


@pytest.mark.parametrize("path", ["/etc/hostname", "../secret", "originals", "", "a\\..\\b"])
def test_a_path_that_leads_elsewhere_opens_nothing(
    caller: CallerOf, storage: Path, path: str
) -> None:
    (storage / "originals").mkdir(parents=True)
    (storage.parent / "secret").write_text("secret")
    image = make_image(file_path=path, preview_path=path, thumbnail_path=path)

    for part in ("original", "preview", "thumbnail"):
        answer = caller("viewer").get(f"/api/v1/images/{image.pk}/{part}/")
        assert "secret\n" not in problem(answer, 404, "file-gone")["detail"]


def test_a_row_that_names_a_file_of_somebody_else_opens_nothing(
    caller: CallerOf, analysed: Image
) -> None:
    thief = make_image(
        file_path=analysed.file_path,
        preview_path=analysed.preview_path,
        thumbnail_path=analysed.thumbnail_path,
    )

    for part in ("original", "preview", "thumbnail"):
        answer = caller("viewer").get(f"/api/v1/images/{thief.pk}/{part}/")
        problem(answer, 404, "file-gone")


def test_a_fingerprint_that_is_none_opens_nothing(caller: CallerOf) -> None:
    result = make_result(algorithm_fingerprint="../../../etc")

    for name in PICTURES:
        answer = caller("viewer").get(f"/api/v1/results/{result.pk}/drawings/{name}/")
        problem(answer, 404, "not-found")


def test_a_kind_that_is_no_picture_is_sent_as_bytes(caller: CallerOf, analysed: Image) -> None:
    Image.objects.filter(pk=analysed.pk).update(mime_type="text/html")

    answer = caller("viewer").get(f"/api/v1/images/{analysed.pk}/original/")

    assert answer["Content-Type"] == "application/octet-stream"
    answer.getvalue()


def test_the_head_of_a_file_comes_without_its_bytes(caller: CallerOf, analysed: Image) -> None:
    client = caller("viewer").client

    for part in ("original", "preview"):
        answer = client.head(f"/api/v1/images/{analysed.pk}/{part}/")
        assert answer.status_code == 200
        assert answer["ETag"]
        assert answer.getvalue() == b""
