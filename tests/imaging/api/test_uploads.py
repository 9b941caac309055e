"""Handing files in: every kind, once, and what is refused with which status."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from config.storage import AtomicFileSystemStorage
from database.models import SystemSetting
from imaging.models import Image, ProcessingJob
from tests.imaging.api.conftest import CallerOf, problem, wrong_fields
from tests.pictures import disc, encoded, jpeg, png_of_size

pytestmark = pytest.mark.django_db

HERE = "/api/v1/images/"


def nothing_is_kept(storage: Path) -> bool:
    """Whether no row and no file is there."""
    files = [path for path in storage.rglob("*") if path.is_file()] if storage.exists() else []
    return not files and not Image.objects.exists()


def set_to(key: str, value: Any) -> None:
    """Change a setting of the running system."""
    SystemSetting.objects.update_or_create(setting_key=key, defaults={"setting_value": value})


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_every_kind_is_taken_and_can_be_had_again(caller: CallerOf, kind: str) -> None:
    data = encoded(disc(), kind)
    program = caller("api_user", scopes=["write:images", "read:images"])

    answer = program.upload(data, f"picture.{kind.lower()}")

    assert answer.status_code == 201
    made = answer.json()
    assert answer["Location"] == f"{HERE}{made['id']}/"
    assert made["created"] is True
    assert made["file_hash"] == hashlib.sha256(data).hexdigest()
    assert made["mime_type"] == f"image/{kind.lower()}"
    assert made["metadata"]["format"] == kind
    job = ProcessingJob.objects.get()
    assert (str(job.pk), str(job.user_id)) == (made["job_id"], str(program.user.pk))  # type: ignore[union-attr]
    read = program.get(answer["Location"])
    assert read["ETag"] == answer["ETag"]
    assert program.get(made["links"]["original"]).getvalue() == data


def test_the_same_bytes_answer_with_the_image_that_is_there(caller: CallerOf) -> None:
    first = caller("analyst").upload(jpeg(), "first.jpg").json()

    again = caller("api_user").upload(jpeg(), "other.png")

    assert again.status_code == 200
    assert again["Content-Location"] == f"{HERE}{first['id']}/"
    told = again.json()
    assert (told["id"], told["file_name"]) == (first["id"], "first.jpg")
    assert (told["created"], told["job_id"], told["upload_count"]) == (False, None, 2)
    assert ProcessingJob.objects.count() == 1


def test_priority_and_parameters_go_to_the_analysis(caller: CallerOf) -> None:
    answer = caller("analyst").upload(
        jpeg(), priority="9", parameters=json.dumps({"method": "luma", "blur": 7})
    )

    job = ProcessingJob.objects.get(pk=answer.json()["job_id"])
    assert (job.priority, job.parameters) == (9, {"method": "luma", "blur": 7})


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"priority": "11"}, {"priority"}),
        ({"priority": "0"}, {"priority"}),
        ({"priority": "9" * 4000}, {"priority"}),
        ({"priority": "high"}, {"priority"}),
        (
            {"parameters": '{"method": "magic", "blur": 2}'},
            {"parameters.method", "parameters.blur"},
        ),
        ({"parameters": '{"colour": 1}'}, {"parameters.colour"}),
        ({"parameters": '{"blur": 1e400}'}, {"blur"}),
        ({"parameters": '{"blur": 99999999999999999999}'}, {"blur"}),
        ({"parameters": '{"lacunarity_sizes": [[2]]}'}, {"parameters.lacunarity_sizes"}),
        ({"parameters": "[1]"}, {"parameters"}),
        ({"parameters": "not json"}, {"parameters"}),
        ({"parameters": "[" * 100_000}, {"parameters"}),
        ({"colour": "red"}, {"colour"}),
        ({"priority": "5\x00"}, {"priority"}),
        ({"file_name": "mine.jpg", "user_id": "1"}, {"file_name", "user_id"}),
    ],
)
def test_wrong_fields_are_refused_by_name_and_nothing_is_kept(
    caller: CallerOf, storage: Path, fields: dict[str, str], wrong: set[str]
) -> None:
    answer = caller("analyst").upload(jpeg(), **fields)

    assert {name.removeprefix("parameters.") for name in wrong_fields(answer)} == {
        name.removeprefix("parameters.") for name in wrong
    }
    assert nothing_is_kept(storage)


def test_one_file_is_taken_at_a_time_and_none_is_missing(caller: CallerOf, storage: Path) -> None:
    analyst = caller("analyst")
    two = [SimpleUploadedFile(name, jpeg()) for name in ("a.jpg", "b.jpg")]

    assert wrong_fields(analyst.client.post(HERE, {"file": two})) == {"file"}
    assert wrong_fields(analyst.client.post(HERE, {"priority": "5"})) == {"file"}
    assert wrong_fields(analyst.client.post(HERE, {"file": "a text"})) == {"file"}
    as_file = {"file": two[0], "priority": SimpleUploadedFile("5", b"5")}
    assert wrong_fields(analyst.client.post(HERE, as_file)) == {"priority"}
    assert nothing_is_kept(storage)


@pytest.mark.parametrize(
    ("data", "expected", "words"),
    [
        (b"", (422, "file-unreadable"), "empty"),
        (jpeg()[:2000], (422, "file-unreadable"), "ends early"),
        (encoded(disc(), "PNG")[:-4000], (422, "file-unreadable"), "damaged"),
        (b"Dear colleague, here it is.", (415, "file-type-refused"), "not a picture"),
        (b"%PDF-1.7\n" + b"\0" * 100, (415, "file-type-refused"), "PDF"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'/>" + b" " * 9,
            (415, "file-type-refused"),
            "SVG",
        ),
        (png_of_size(60_000, 60_000), (413, "file-too-large"), "3600000000 pixels"),
        (png_of_size(2_000_000, 1), (413, "file-too-large"), "side"),
        (png_of_size(0, 5), (422, "file-unreadable"), "0 x 5"),
    ],
)
def test_what_is_no_picture_to_be_taken_is_refused_with_its_name(
    caller: CallerOf, storage: Path, data: bytes, expected: tuple[int, str], words: str
) -> None:
    told = problem(caller("analyst").upload(data, "../wall.jpg"), *expected)

    assert told["detail"].startswith("wall.jpg: ")
    assert words in told["detail"]
    assert nothing_is_kept(storage)


@pytest.mark.parametrize(("excess", "named"), [(1, "disc.jpg"), (3_000_000, "The upload")])
def test_a_file_beyond_the_limit_is_refused_with_both(
    caller: CallerOf, storage: Path, excess: int, named: str
) -> None:
    set_to("max_file_size", 100_000)

    told = problem(caller("analyst").upload(b"x" * (100_000 + excess)), 413, "file-too-large")

    assert told["detail"].startswith(f"{named}: the file is larger than 100\u00a0kB")
    assert nothing_is_kept(storage)


def test_a_kind_that_the_settings_exclude_is_refused(caller: CallerOf, storage: Path) -> None:
    set_to("allowed_file_types", ["png"])

    told = problem(caller("analyst").upload(jpeg()), 415, "file-type-refused")

    assert "JPEG files are not taken here. Taken are: png." in told["detail"]
    assert nothing_is_kept(storage)


def test_a_full_disk_is_a_problem_of_ours(
    caller: CallerOf, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", str(storage / "originals"))

    monkeypatch.setattr(AtomicFileSystemStorage, "_save", full)

    told = problem(caller("analyst").upload(jpeg()), 503, "storage-failed")

    assert "No space left on device" in told["detail"]
    assert str(storage) not in json.dumps(told)
    assert nothing_is_kept(storage)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b'{"file": "x"}', 415),
        ("image/jpeg", jpeg(), 415),
        ("multipart/form-data", b"--x\r\n", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken", 400),
        ("multipart/form-data; boundary=x", b"", 400),
    ],
)
def test_a_body_that_is_no_form_with_a_file_is_refused(
    caller: CallerOf, storage: Path, kind: str, body: bytes, status: int
) -> None:
    answer = caller("analyst").client.generic("POST", HERE, body, content_type=kind)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert nothing_is_kept(storage)


def test_files_are_read_by_the_upload_alone(caller: CallerOf) -> None:
    form = {"file": SimpleUploadedFile("a.jpg", jpeg())}

    answer = caller("admin").client.post("/api/v1/analysis-jobs/", form)

    problem(answer, 415, "unsupported-media-type")


def test_a_repeated_upload_has_one_effect_and_one_answer(caller: CallerOf) -> None:
    analyst = caller("analyst")

    first = analyst.upload(jpeg(), key="one")
    again = analyst.upload(jpeg(), key="one")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert (again["Location"], again["ETag"]) == (first["Location"], first["ETag"])
    assert Image.objects.get().upload_count == 1


def test_a_key_is_for_one_file_and_one_person(caller: CallerOf) -> None:
    analyst = caller("analyst")
    analyst.upload(jpeg(), key="one")

    problem(analyst.upload(jpeg(seed=1), key="one"), 422, "key-reused")
    problem(analyst.upload(jpeg(), "renamed.jpg", key="one"), 422, "key-reused")
    assert caller("analyst").upload(jpeg(seed=2), key="one").status_code == 201


def test_a_refused_upload_may_be_repeated_with_the_same_key(
    caller: CallerOf, storage: Path
) -> None:
    analyst = caller("analyst")
    set_to("max_file_size", 100)
    problem(analyst.upload(jpeg(), key="one"), 413, "file-too-large")
    assert nothing_is_kept(storage)

    set_to("max_file_size", 1_000_000)
    assert analyst.upload(jpeg(), key="one").status_code == 201


def test_names_are_kept_as_people_wrote_them(caller: CallerOf) -> None:
    analyst = caller("analyst")

    for seed, name in enumerate(["Größe 大.jpg", "a" * 600 + ".jpg", "\u202egpj.exe", "a\nb.jpg"]):
        answer = analyst.upload(jpeg(seed=seed), name)
        assert answer.status_code == 201, name
        assert len(answer.json()["file_name"]) <= 512
        original = analyst.get(answer.json()["links"]["original"])
        assert original["Content-Disposition"].startswith("attachment; filename")
        assert "\n" not in original["Content-Disposition"]
        original.getvalue()


def test_a_form_of_the_pages_needs_its_token_and_keeps_the_limit(
    caller: CallerOf, storage: Path
) -> None:
    person, token = caller("analyst"), "t" * 32
    person.client.handler.enforce_csrf_checks = True
    set_to("max_file_size", 100_000)

    problem(person.upload(jpeg()), 403, "not-allowed")
    person.client.cookies["csrftoken"] = token
    person.headers["X-CSRFToken"] = token
    problem(person.upload(b"x" * 300_000), 413, "file-too-large")
    assert nothing_is_kept(storage)
    assert person.upload(jpeg()).status_code == 201
