"""Files through the API."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from database.models import SystemSetting
from ingestion.models import FileUpload
from tests.accounts.sessions.devices import program
from tests.factories import make_file, make_user
from tests.ingestion.conftest import GOOD, told

pytestmark = pytest.mark.django_db
FILES = "/api/v1/files/"


class Program:
    """A program logged in as a person."""

    def __init__(self, person: User) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {program(person).access}"}

    def get(self, address: str, **headers: str) -> Any:
        return self.client.get(address, headers=self.headers | headers)

    def post(self, address: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(
            address, json.dumps(body or {}), "application/json", headers=self.headers | headers
        )

    def delete(self, address: str, **headers: str) -> Any:
        return self.client.delete(address, headers=self.headers | headers)

    def upload(self, content: str | bytes = GOOD, name: str = "press.csv", **fields: str) -> Any:
        data = content.encode() if isinstance(content, str) else content
        form = {"file": SimpleUploadedFile(name, data, "text/csv"), **fields}
        return self.client.post(FILES, form, headers=self.headers)


@pytest.fixture
def asked(analyst: User) -> Program:
    return Program(analyst)


def problem(answer: Any, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    told: dict[str, Any] = answer.json()
    assert told["type"].endswith(f"/{slug}")
    return told


def test_a_file_is_taken_described_and_found_again(asked: Program) -> None:
    made = asked.upload()

    assert made.status_code == 201
    body = made.json()
    assert made["Location"] == f"{FILES}{body['id']}/"
    assert (body["status"], body["created"], body["job_id"]) == ("ready", True, None)
    assert (body["header"], body["row_count"]) == (["name", "f_0", "f_1"], 2)
    read = asked.get(made["Location"])
    assert read.json()["column_kinds"] == ["text", "number", "number"]
    assert asked.get(made["Location"], **{"If-None-Match": read["ETag"]}).status_code == 304
    again = asked.upload(name="again.csv")
    assert (again.status_code, again.json()["created"]) == (200, False)
    assert again["Content-Location"] == made["Location"]


def test_the_list_is_filtered_and_leaves_the_columns_out(asked: Program) -> None:
    asked.upload()
    asked.upload("name,f_0\na\n", "narrow.csv")
    make_file()

    (failed,) = asked.get(f"{FILES}?status=failed").json()["results"]
    assert failed["original_filename"] == "narrow.csv"
    assert "header" not in failed
    for query, count in {
        "": 2,
        "?name=PRESS": 1,
        f"?sha256={failed['sha256']}": 1,
        "?is_merged=true": 0,
        "?is_merged=false": 2,
        "?order=largest&limit=1": 1,
        "?created_before=2001-01-01T00:00:00Z": 0,
    }.items():
        assert len(asked.get(FILES + query).json()["results"]) == count, query
    problem(asked.get(f"{FILES}?colour=red"), 400, "invalid-input")


@pytest.mark.parametrize(
    ("content", "status", "slug", "sentence"),
    [
        (b"", 422, "table-unreadable", "the file is empty"),
        (b"PK\x03\x04....xl/", 415, "table-type-refused", "an Excel workbook"),
        (b"a,b\n" + b"1,2\n" * 1000, 413, "table-too-large", "larger than"),
    ],
)
def test_what_is_not_taken_is_a_problem_with_the_fitting_status(
    asked: Program, content: bytes, status: int, slug: str, sentence: str
) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=1000)

    told = problem(asked.upload(content, "x.csv"), status, slug)

    assert told["detail"].startswith("x.csv: ")
    assert sentence in told["detail"]
    assert not FileUpload.objects.exists()


def test_fields_that_are_unknown_or_contradict_each_other_are_refused(asked: Program) -> None:
    problem(asked.upload(colour="red"), 400, "invalid-input")
    problem(asked.upload(encoding="klingon"), 400, "invalid-input")
    told = problem(asked.upload(delimiter=",", decimal_sign=","), 400, "invalid-input")
    assert "both part the cells" in told["errors"][0]["detail"]
    problem(asked.client.post(FILES, headers=asked.headers), 400, "invalid-input")


def test_how_a_file_is_read_is_tried_and_said(asked: Program) -> None:
    file = asked.upload("name;f_0\nMüller;1,5\n".encode("cp1252")).json()
    assert (file["status"], file["waits_for_confirmation"]) == ("pending", True)
    address = f"{FILES}{file['id']}/"

    trial = asked.get(f"{address}preview/?rows=5&encoding=mac-roman").json()
    assert trial["rows"] == [["M\u00b8ller", "1,5"]]
    assert asked.get(f"{address}preview/").json()["kinds"] == ["text", "number"]
    problem(asked.get(f"{address}preview/?delimiter=,&decimal_sign=,"), 400, "invalid-input")
    problem(asked.get(f"{address}preview/?rows=0"), 400, "invalid-input")
    said = {"encoding": "cp1252", "delimiter": ";", "decimal_sign": ","}
    confirmed = asked.post(f"{address}dialect/", said)
    assert confirmed.json()["status"] == "ready"
    problem(asked.post(f"{address}dialect/", said | {"delimiter": ","}), 400, "invalid-input")
    assert asked.post(f"{address}check/").json()["status"] == "ready"


def test_a_program_says_how_its_files_are_read_with_the_upload(asked: Program) -> None:
    made = asked.upload(
        "name;f_0\nMüller;1,5\n".encode("cp1252"),
        encoding="cp1252",
        delimiter=";",
        decimal_sign=",",
    )

    assert (made.json()["status"], made.json()["dialect_confirmed"]) == ("ready", True)


def test_files_are_joined_fetched_and_removed(asked: Program) -> None:
    ids = [asked.upload(f"name,f_0\n{n},1\n", f"{n}.csv").json()["id"] for n in range(2)]

    made = asked.post(f"{FILES}merge/", {"file_ids": ids, "name": "both.csv"})
    assert made.status_code == 201
    body = made.json()
    assert [part["original_filename"] for part in body["merged_files"]] == ["0.csv", "1.csv"]
    problem(asked.get(f"{made['Location']}content/"), 409, "conflict")
    problem(asked.post(f"{FILES}merge/", {"file_ids": [ids[0], str(uuid4())]}), 409, "conflict")

    address = f"{FILES}{ids[0]}/"
    content = asked.get(f"{address}content/")
    assert b"".join(content.streaming_content) == b"name,f_0\n0,1\n"
    assert asked.get(f"{address}content/", **{"If-None-Match": content["ETag"]}).status_code == 304
    assert told().count("file.downloaded") == 1
    problem(asked.delete(address), 428, "precondition-required")
    problem(asked.delete(address, **{"If-Match": '"x"'}), 412, "precondition-failed")
    etag = asked.get(address)["ETag"]
    assert asked.delete(address, **{"If-Match": etag}).status_code == 204
    problem(asked.get(address), 404, "not-found")


def test_another_persons_file_is_not_there(asked: Program) -> None:
    foreign = f"{FILES}{make_file().pk}/"

    for answer in (
        asked.get(foreign),
        asked.get(f"{foreign}content/"),
        asked.get(f"{foreign}preview/"),
        asked.post(f"{foreign}check/"),
        asked.delete(foreign, **{"If-Match": "*"}),
    ):
        problem(answer, 404, "not-found")
    admin = Program(make_user("admin"))
    assert admin.get(foreign).status_code == 200
    problem(admin.get(f"{foreign}content/"), 404, "file-gone")
