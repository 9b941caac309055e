"""Bodies that mean one thing, or are refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings
from rest_framework.test import APIClient

from tests.config.api.conftest import Caller
from tests.config.api.test_problems import problem_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.api.urls")]

ECHO = "/api/v1/echo/"


def send(body: str | bytes, content_type: str = "application/json") -> Any:
    return APIClient().post(ECHO, body, content_type=content_type)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"a": 1, "a": 2}', "a"),
        ('{"a": {"b": 1, "b": 1}}', "a.b"),
        ('{"a": [0, NaN]}', "a.1"),
        ('{"a": -Infinity}', "a"),
        ('{"a": 9223372036854775808}', "a"),
        ('{"a": -9223372036854775809}', "a"),
        ('{"a": ' + "9" * 10_000 + "}", "a"),
        ('{"a": 1e999}', "a"),
        ('{"a": "x\\u0000y"}', "a"),
        ('{"a": "\\ud800"}', "a"),
        ('{"a": {"x\\u0000": 1}}', "a"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "a" + ".0" * 31),
    ],
)
def test_what_json_leaves_open_is_refused_by_name(body: str, field: str) -> None:
    told = problem_in(send(body), 400, "invalid-input")

    assert [error["field"] for error in told["errors"]] == [field]


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "nonsense",
        "[1]",
        '"text"',
        "null",
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_what_is_no_json_object_is_refused(body: str | bytes) -> None:
    problem_in(send(body), 400, "malformed-request")


def test_where_the_json_breaks_is_told() -> None:
    told = problem_in(send('{"a": 1,\n "b": }'), 400, "malformed-request")

    assert "line 2, column 7" in told["detail"]


def test_what_fits_into_64_bits_comes_back_as_it_went_in() -> None:
    body = {"a": 2**63 - 1, "b": -(2**63), "c": 0.1, "d": "Ωß\U0001f600", "e": None, "f": [{}]}

    assert send(json.dumps(body)).json() == {"read": body}


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=100)
def test_a_body_that_is_too_large_is_refused() -> None:
    assert send(json.dumps({"a": "x" * 80})).status_code == 200
    told = problem_in(send(json.dumps({"a": "x" * 100})), 413, "too-large")

    assert told["detail"] == "The body is larger than 100 bytes."


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=bz2_codec",
    ],
)
def test_other_formats_are_refused(content_type: str) -> None:
    problem_in(send(b"a=1", content_type), 415, "unsupported-media-type")


def test_json_alone_is_answered(caller: Caller) -> None:
    problem_in(
        caller().get("/api/v1/pictures/", headers={"Accept": "text/html"}), 406, "not-acceptable"
    )


def test_an_upload_reads_files_where_it_is_allowed(caller: Caller) -> None:
    file = SimpleUploadedFile("a.bin", b"x" * 10)

    answer = caller("analyst").post("/api/v1/upload/", {"file": file}, format="multipart")

    assert answer.json() == {"sizes": [10]}


@override_settings(DATA_UPLOAD_MAX_NUMBER_FIELDS=3)
def test_a_form_with_too_many_fields_is_refused(caller: Caller) -> None:
    fields = {str(number): "x" for number in range(10)}

    response = caller("analyst").post("/api/v1/upload/", fields, format="multipart")

    problem_in(response, 400, "malformed-request")


def test_an_upload_that_is_cut_off_is_refused(caller: Caller) -> None:
    response = caller("analyst").post(
        "/api/v1/upload/", b"--x\r\nnonsense", content_type="multipart/form-data"
    )

    problem_in(response, 400, "malformed-request")


def test_a_field_that_cannot_be_written_is_refused_by_name(caller: Caller) -> None:
    body = {"file_name": "a", "file_size": 3, "colour": "red"}

    told = problem_in(
        caller("analyst").post("/api/v1/pictures/", body, format="json"), 400, "invalid-input"
    )
    assert [error["field"] for error in told["errors"]] == ["file_size", "colour"]
