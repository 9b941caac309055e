"""Requests far beyond the limit are refused without being read to their end."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from database.models import SystemSetting
from imaging.models import Image
from tests.imaging.api.conftest import Caller, problem
from tests.imaging.test_uploads import stored_files
from tests.ingestion.test_faults import GIGABYTE, Sparse, form, sent
from tests.pictures import jpeg

pytestmark = pytest.mark.django_db

API, PAGE = "/api/v1/images/", "/imaging/image/add/"


@pytest.fixture(autouse=True)
def limit(db: None) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=3 << 20)


def test_a_gigabyte_for_the_api_is_refused_by_the_length_that_it_says(
    analyst: User, storage: Path
) -> None:
    program = Caller(analyst, scopes=["write:images"])
    body = Sparse(form("file"), GIGABYTE)

    told = problem(sent(program.client, API, body, **program.headers), 413, "file-too-large")

    assert told["detail"].startswith("The upload: the file is larger than 3")
    assert body.read_bytes == 0
    assert not Image.objects.exists()
    assert stored_files(storage) == []


def test_a_gigabyte_for_the_page_is_given_up_as_soon_as_the_limit_is_passed(
    analyst: User, storage: Path
) -> None:
    client = Client()
    client.force_login(analyst)
    body = Sparse(form("files"), GIGABYTE)

    answer = sent(client, PAGE, body, Accept="application/json")

    [told] = answer.json()["files"]
    assert (told["name"], told["outcome"], told["code"]) == ("big.csv", "refused", "too_large")
    assert told["message"].startswith("The file is larger than 3")
    assert told["message"].endswith("What was sent behind it was not read: send it again.")
    assert body.read_bytes < 5 << 20
    assert stored_files(storage) == []


@pytest.mark.parametrize("address", [API, PAGE])
def test_a_body_that_says_no_length_is_not_read(analyst: User, address: str) -> None:
    client = Client()
    client.force_login(analyst)
    body = Sparse(form("files"), GIGABYTE)

    answer = client.generic(
        "POST",
        address,
        **{
            "wsgi.input": body,
            "CONTENT_LENGTH": "",
            "HTTP_TRANSFER_ENCODING": "chunked",
            "CONTENT_TYPE": "multipart/form-data; boundary=edge",
        },  # type: ignore[arg-type] # what a server puts there
    )

    assert answer.status_code == 400
    assert body.read_bytes == 0


def test_a_picture_a_little_too_large_does_not_take_the_others_along(analyst: User) -> None:
    client = Client()
    client.force_login(analyst)
    page = client.get(PAGE).content.decode()
    assert 'data-limit="3145728"' in page

    small = jpeg()
    body = b"".join(
        b'--edge\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n%s\r\n' % one
        for one in ((b"big.jpg", b"x" * (4 << 20)), (b"small.jpg", small))
    )
    answer = client.generic(
        "POST", PAGE, body + b"--edge--\r\n", content_type="multipart/form-data; boundary=edge"
    )

    assert "was not read" not in answer.content.decode()
    assert Image.objects.get().file_name == "small.jpg"
