"""The files of an image over HTTP."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from imaging.actions.results import LAYERS
from imaging.models import Image
from tests.factories import make_image
from tests.imaging.admin.conftest import ClientFor
from tests.pictures import jpeg

pytestmark = pytest.mark.django_db


def url(image: Image, kind: str) -> str:
    """The address of a file."""
    return f"/imaging/image/{image.pk}/files/{kind}/"


def layer(image: Image, name: str) -> str:
    """The address of a layer of the result in force."""
    fingerprint = image.analysis_result.algorithm_fingerprint[:16]
    return f"/imaging/image/{image.pk}/layers/{fingerprint}/{name}/"


@pytest.mark.parametrize("role", ["admin", "moderator", "analyst", "viewer"])
def test_who_sees_images_gets_their_files(
    client_for: ClientFor, analysed: Image, role: str
) -> None:
    client = client_for(role)

    for address in [
        *(url(analysed, kind) for kind in ("original", "preview", "thumbnail")),
        *(layer(analysed, name) for name in LAYERS),
    ]:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"].startswith("private")
        assert answer["ETag"]
        answer.getvalue()


def test_nobody_else_gets_them(client_for: ClientFor, analysed: Image) -> None:
    for address in (url(analysed, "original"), layer(analysed, "ground")):
        assert client_for("api_user").get(address).status_code == 302


def test_the_original_is_a_download_with_its_bytes(client_for: ClientFor, analysed: Image) -> None:
    answer = client_for("viewer").get(url(analysed, "original"))

    assert answer.getvalue() == jpeg()
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Content-Disposition"] == 'attachment; filename="disc.jpg"'
    assert answer["ETag"] == f'"{analysed.file_hash}"'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Grün, 1.jpg", "attachment; filename*=utf-8''Gr%C3%BCn%2C%201.jpg"),
        ('a"b\\c.jpg', 'attachment; filename="c.jpg"'),
        ("line\r\nSet-Cookie: x=1.jpg", 'attachment; filename="lineSet-Cookie: x=1.jpg"'),
    ],
)
def test_the_name_of_a_download_is_safe(
    client_for: ClientFor, analysed: Image, name: str, expected: str
) -> None:
    Image.objects.filter(pk=analysed.pk).update(file_name=name)

    answer = client_for("viewer").get(url(analysed, "original"))

    assert answer["Content-Disposition"] == expected
    answer.getvalue()


def test_what_the_browser_has_is_not_sent_again(client_for: ClientFor, analysed: Image) -> None:
    client = client_for("viewer")
    for address in (url(analysed, "original"), url(analysed, "preview"), layer(analysed, "ground")):
        first = client.get(address)
        first.getvalue()

        again = client.get(address, HTTP_IF_NONE_MATCH=first["ETag"])

        assert again.status_code == 304
        assert again["ETag"] == first["ETag"]


@pytest.mark.parametrize("kind", ["original", "preview", "thumbnail"])
def test_a_missing_file_is_a_placeholder(client_for: ClientFor, analysed: Image, kind: str) -> None:
    path = {"original": analysed.file_path, "preview": analysed.preview_path}.get(
        kind, analysed.thumbnail_path
    )
    default_storage.delete(path)

    answer = client_for("viewer").get(url(analysed, kind))

    assert answer.status_code == 404
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["Cache-Control"] == "no-store"
    assert b"The picture is missing" in answer.content


def test_a_stored_path_cannot_lead_out_of_the_storage(client_for: ClientFor, storage: Path) -> None:
    (storage.parent / "secret.webp").write_bytes(b"secret")
    image = make_image(
        file_path="../secret.webp", preview_path="../secret.webp", thumbnail_path="/etc/passwd"
    )

    for kind in ("original", "preview", "thumbnail"):
        answer = client_for("viewer").get(url(image, kind))
        assert answer.status_code == 404
        assert b"secret" not in answer.content


def test_a_row_that_names_a_file_of_somebody_else_gets_nothing(
    client_for: ClientFor, analysed: Image
) -> None:
    thief = make_image(
        file_path=analysed.file_path,
        preview_path=analysed.preview_path,
        thumbnail_path=analysed.thumbnail_path,
    )

    for kind in ("original", "preview", "thumbnail"):
        assert client_for("viewer").get(url(thief, kind)).status_code == 404


def test_an_original_that_lies_elsewhere_is_its_image_s_if_its_bytes_are(
    client_for: ClientFor, storage: Path
) -> None:
    (storage / "old").mkdir(parents=True)
    (storage / "old" / "disc.jpg").write_bytes(b"as it was")
    image = make_image(file_path="old/disc.jpg", file_hash=hashlib.sha256(b"as it was").hexdigest())

    answer = client_for("viewer").get(url(image, "original"))

    assert answer.status_code == 200
    assert answer.getvalue() == b"as it was"


@pytest.mark.parametrize(
    "path",
    [
        "files/secret/",
        "files/..%2Foriginal/",
        "layers/0000000000000000/ground/",
        "layers/..%2F..%2F..%2F..%2F..%2Fa/ground/",
        "layers/ffff/ground/",
        "layers/0000000000000000/thumbnail/",
    ],
)
def test_other_names_lead_nowhere(client_for: ClientFor, analysed: Image, path: str) -> None:
    assert client_for("viewer").get(f"/imaging/image/{analysed.pk}/{path}").status_code in {
        302,
        404,
    }


def test_a_row_with_a_strange_type_is_bytes(client_for: ClientFor, analysed: Image) -> None:
    Image.objects.filter(pk=analysed.pk).update(mime_type="text/html")

    answer = client_for("viewer").get(url(analysed, "original"))

    assert answer["Content-Type"] == "application/octet-stream"
    answer.getvalue()


def test_files_are_only_read(client_for: ClientFor, analysed: Image) -> None:
    assert client_for("admin").post(url(analysed, "original")).status_code == 405
