"""The upload page, with and without its script."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from database.models import SystemSetting
from imaging.actions import uploads
from imaging.errors import StorageFailed
from imaging.models import Image, ProcessingJob
from tests.imaging.admin.conftest import ClientFor
from tests.pictures import jpeg

pytestmark = pytest.mark.django_db

URL = "/imaging/image/add/"
JSON = {"accept": "application/json"}


def file(data: bytes | None = None, name: str = "disc.jpg") -> SimpleUploadedFile:
    """A file as a browser sends it."""
    return SimpleUploadedFile(name, jpeg() if data is None else data, "image/jpeg")


@pytest.mark.parametrize(
    ("role", "status"), [("admin", 200), ("analyst", 200), ("moderator", 403), ("viewer", 403)]
)
def test_only_who_may_upload_gets_the_page(client_for: ClientFor, role: str, status: int) -> None:
    client = client_for(role)

    assert client.get(URL).status_code == status
    assert client.post(URL, {"files": [file()]}).status_code == status
    assert Image.objects.exists() == (status == 200)


def test_several_files_have_an_outcome_each(client_for: ClientFor) -> None:
    files = [file(name="good.jpg"), file(b"no picture", "bad.jpg"), file(name="again.jpg")]

    page = client_for("analyst").post(URL, {"files": files}).content.decode()

    image = Image.objects.get()
    assert image.upload_count == 2
    assert ProcessingJob.objects.get().image == image
    assert page.count(f'href="/imaging/image/{image.pk}/change/"') == 2
    for word in ("Stored", "Refused", "Was there already", "is not a picture"):
        assert word in page


@pytest.mark.parametrize(("data", "outcome"), [(None, "stored"), (b"", "refused")])
def test_the_script_gets_json(client_for: ClientFor, data: bytes | None, outcome: str) -> None:
    answer = client_for("analyst").post(URL, {"files": file(data)}, headers=JSON)

    assert answer.status_code == 200
    (told,) = answer.json()["files"]
    assert told["outcome"] == outcome
    assert told["name"] == "disc.jpg"
    assert bool(told["url"]) == (outcome == "stored")


def test_the_same_bytes_are_known(client_for: ClientFor) -> None:
    client = client_for("analyst")
    client.post(URL, {"files": file(name="first.jpg")}, headers=JSON)

    answer = client.post(URL, {"files": file(name="second.jpg")}, headers=JSON)

    assert answer.status_code == 200
    assert answer.json()["files"][0]["outcome"] == "known"
    assert "kept as first.jpg" in answer.json()["files"][0]["message"]


def test_a_file_over_the_limit_is_dropped_on_the_way(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=200_000)
    received: list[str] = []
    real = uploads.receive

    def receive(content: Any, *, name: str, by: Any) -> Any:
        received.append(name)
        return real(content, name=name, by=by)

    monkeypatch.setattr(uploads, "receive", receive)
    files = [file(b"x" * 300_000, "huge.jpg"), file(name="small.jpg")]

    page = client_for("analyst").post(URL, {"files": files}).content.decode()

    assert received == ["small.jpg"]
    assert "larger than 200\u00a0kB" in page
    assert Image.objects.get().file_name == "small.jpg"


def test_a_full_disk_is_told_as_such(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def receive(content: Any, *, name: str, by: Any) -> Any:
        raise StorageFailed(name, "it could not be stored (no space).", code="storage_failed")

    monkeypatch.setattr(uploads, "receive", receive)

    answer = client_for("analyst").post(URL, {"files": file()}, headers=JSON)

    assert answer.json()["files"][0]["code"] == "storage_failed"
    assert answer.json()["files"][0]["message"] == "It could not be stored (no space)."


def test_no_file_at_all_is_a_sentence(client_for: ClientFor) -> None:
    client = client_for("analyst")

    assert "No file was chosen" in client.post(URL).content.decode()
    assert client.post(URL, headers=JSON).status_code == 400


def test_too_many_files_are_refused_together(client_for: ClientFor, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    client = client_for("analyst")

    answer = client.post(URL, {"files": [file(name=f"{n}.jpg") for n in range(3)]})

    assert answer.status_code == 400
    assert "More than 2 files" in answer.content.decode()
    assert not Image.objects.exists()


def test_a_broken_body_is_a_sentence(client_for: ClientFor) -> None:
    answer = client_for("analyst").post(
        URL, b"--b\r\nnothing", content_type="multipart/form-data; boundary="
    )

    assert answer.status_code == 400
    assert "broke off" in answer.content.decode()


def test_the_form_needs_its_token(client_for: ClientFor) -> None:
    logged_in = client_for("analyst")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = logged_in.cookies

    assert strict.post(URL, {"files": file()}).status_code == 403
    assert not Image.objects.exists()
    strict.get(URL)
    token = strict.cookies["csrftoken"].value
    assert strict.post(URL, {"files": file()}, HTTP_X_CSRFTOKEN=token).status_code == 200


def test_a_hostile_name_is_shown_as_text(client_for: ClientFor) -> None:
    page = (
        client_for("analyst")
        .post(URL, {"files": file(name="<img src=x onerror=alert(1)>.jpg")})
        .content.decode()
    )

    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
