"""Requests that come again have one effect and one answer, whatever happens in between."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InterfaceError, OperationalError, connection, connections
from django.utils import timezone

from accounts.api import idempotency as store
from accounts.models import IdempotencyKey
from config.api import idempotency
from imaging.models import Image
from tests.config.api.conftest import Caller, client_of
from tests.config.api.test_problems import problem_in
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.api.urls")]

LIST = "/api/v1/pictures/"


def make(client: Any, key: str | None, name: str = "a", **more: Any) -> Any:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return client.post(LIST, {"file_name": name, **more}, format="json", headers=headers)


def test_without_a_key_every_request_counts(caller: Caller) -> None:
    client = caller("analyst")

    assert make(client, None).status_code == make(client, None).status_code == 201
    assert Image.objects.count() == 2


def test_the_same_request_again_is_given_the_first_answer(caller: Caller) -> None:
    client = caller("analyst")
    first, second = make(client, "one"), make(client, "one")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Location"] == first["Location"]
    assert second["ETag"] == first["ETag"]
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert Image.objects.count() == 1


def test_the_order_of_the_fields_does_not_make_another_request(caller: Caller) -> None:
    client = caller("analyst")
    headers = {"Idempotency-Key": "one"}
    for body in ('{"file_name": "a", "metadata": {}}', '{ "metadata":{}, "file_name":"a"}'):
        answer = client.post(LIST, body, content_type="application/json", headers=headers)
        assert answer.status_code == 201

    assert Image.objects.count() == 1


def test_another_request_with_the_key_is_refused(caller: Caller) -> None:
    client = caller("analyst")
    make(client, "one")

    problem_in(make(client, "one", "b"), 422, "key-reused")
    other_address = client.post(
        "/api/v1/pictures/secret/",
        {"file_name": "a"},
        format="json",
        headers={"Idempotency-Key": "one"},
    )
    problem_in(other_address, 422, "key-reused")
    assert Image.objects.count() == 1


def test_a_key_belongs_to_one_person(caller: Caller) -> None:
    assert make(caller("analyst"), "one").status_code == 201
    assert make(caller("analyst"), "one", "b").status_code == 201
    assert Image.objects.count() == 2


def test_a_failure_is_not_kept(caller: Caller) -> None:
    client = caller("analyst")

    problem_in(make(client, "one", ""), 400, "invalid-input")
    assert make(client, "one", "better").status_code == 201


def test_what_a_refusal_left_on_purpose_stays_with_a_key_too(caller: Caller) -> None:
    """A failure that is counted must not be uncounted by sending a key."""
    client = caller("analyst")

    for key in (None, "one"):
        problem_in(make(client, key, "bad"), 409, "out-of-film")

    assert Image.objects.filter(file_name="bad").count() == 2


def test_a_secret_is_shown_once_and_not_kept(caller: Caller) -> None:
    client = caller("analyst")
    headers = {"Idempotency-Key": "one"}

    first = client.post("/api/v1/pictures/secret/", headers=headers)
    again = client.post("/api/v1/pictures/secret/", headers=headers)

    assert first.json() == {"secret": "open sesame"}
    problem_in(again, 409, "shown-once")
    assert "sesame" not in json.dumps(list(IdempotencyKey.objects.values()), default=str)


def test_files_belong_to_the_request(caller: Caller) -> None:
    client = caller("analyst")

    def upload(content: bytes, name: str = "a.bin") -> Any:
        return client.post(
            "/api/v1/upload/",
            {"file": SimpleUploadedFile(name, content), "note": "n"},
            format="multipart",
            headers={"Idempotency-Key": "one"},
        )

    assert upload(b"x" * 10).json() == {"sizes": [10]}
    assert upload(b"x" * 10)["Idempotency-Replayed"] == "true"
    problem_in(upload(b"y" * 10), 422, "key-reused")
    problem_in(upload(b"x" * 10, "b.bin"), 422, "key-reused")


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "Ω"])
def test_a_key_that_is_none_is_refused_by_name(caller: Caller, key: str) -> None:
    told = problem_in(make(caller("analyst"), key), 400, "invalid-input")

    assert told["errors"][0]["field"] == "Idempotency-Key"


def test_a_key_is_forgotten_after_a_day(caller: Caller) -> None:
    client = caller("analyst")
    make(client, "one")
    make(client, "two")
    IdempotencyKey.objects.filter(key="one").update(
        created_at=timezone.now() - timedelta(hours=24, seconds=1)
    )

    assert make(client, "one", "b").status_code == 201  # not cleared yet, but over
    IdempotencyKey.objects.filter(key="one").update(
        created_at=timezone.now() - timedelta(hours=24, seconds=1)
    )
    assert store.clear() == 1
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["two"]


@pytest.mark.django_db(transaction=True)
def test_forty_at_once_have_one_effect() -> None:
    person = make_user("analyst")
    start = threading.Barrier(40)

    def send(_: int) -> Any:
        start.wait()
        try:
            return make(client_of(person), "one", "slow")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(send, range(40)))

    assert Image.objects.count() == 1
    made = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert len(made) + len(waiting) == 40
    assert sum("Idempotency-Replayed" not in answer for answer in made) == 1
    assert waiting  # told to come again, not kept waiting
    assert len({answer.json()["id"] for answer in made}) == 1
    for answer in waiting:
        assert answer.json()["type"] == "/api/problems/still-running"
        assert answer["Retry-After"] == "1"


@pytest.mark.django_db(transaction=True)
def test_a_process_that_dies_blocks_nobody() -> None:
    person = make_user("analyst")
    asked: dict[str, Any] = {"user_id": person.pk, "key": "one", "method": "POST", "path": LIST}

    holding, dying = threading.Event(), threading.Event()

    def die() -> None:
        with store.Store().attempt(**asked, request_hash="x"):
            holding.set()
            dying.wait(30)
            # What the kernel does for a process that is killed: its connection is cut, unfinished.
            connection.connection.close()
            IdempotencyKey.objects.first()

    with ThreadPoolExecutor(1) as threads:
        dead = threads.submit(in_thread, die)
        holding.wait(30)
        meanwhile = in_thread(lambda: make(client_of(person), "one"))
        dying.set()
        assert isinstance(dead.exception(30), InterfaceError | OperationalError)

    assert meanwhile.status_code == 409
    assert make(client_of(person), "one").status_code == 201
    assert Image.objects.count() == 1


def in_thread(call: Any) -> Any:
    def run() -> Any:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run).result()


def test_the_fingerprint_keeps_parts_apart() -> None:
    class Asked:
        method = "POST"
        FILES: dict[str, Any] = {}

        def __init__(self, path: str, data: Any) -> None:
            self.path, self.data = path, data

        def get_full_path(self) -> str:
            return self.path

    one: Any = Asked("/a", {"b": 1})
    other: Any = Asked('/a{"b":1}', {})

    assert idempotency.fingerprint(one) != idempotency.fingerprint(other)
    assert len(idempotency.fingerprint(one)) == 64
